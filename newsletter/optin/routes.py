"""(stub)"""

from flask import Blueprint

bp = Blueprint("optin", __name__)
