"""(stub)"""

from flask import Blueprint

bp = Blueprint("newsletters", __name__, url_prefix="/staff/newsletters")
