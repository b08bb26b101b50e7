"""(stub)"""

from flask import Blueprint

bp = Blueprint("pages", __name__, url_prefix="" or None)
