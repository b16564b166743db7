"""What the document cannot say, told to Schemathesis.

Nearly all of it is for data that is meant to be accepted.
"""

import itertools

import schemathesis
from schemathesis import GenerationMode

NUMBERS = itertools.count(1)
# Good for any account here: long, in no list, and without a name.
PASSWORD = "cobalt lighthouse 417"
# The accounts that run.sh makes, and one that nobody has.
TESTED_AS = (1, 2, 3)
NOBODY = 9_000_000


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def drop(container, *names):
    for name in names:
        for known in [key for key in container or {} if key.lower() == name]:
            del container[known]


def fill_edges(value):
    """White space at the ends is taken away before a text is measured: what is too long stays so."""
    if not isinstance(value, str) or len(value) <= 100:
        return value
    text = value.strip()
    before = len(value) - len(value.lstrip())
    return "x" * before + text + "x" * (len(value) - before - len(text))


@schemathesis.hook
def before_call(context, case, kwargs):
    # Whoever is being tested as must be able to sign in to the end: neither is their account
    # disabled or deleted by an administrator, nor do they delete it themselves (which needs the
    # password to have been given again).
    user_id = (case.path_parameters or {}).get("user_id")
    if user_id in TESTED_AS and case.method in ("PATCH", "DELETE"):
        case.path_parameters["user_id"] = NOBODY
    if not is_positive(case):
        if isinstance(case.body, dict):
            for name, value in case.body.items():
                case.body[name] = fill_edges(value)
        return
    # A place comes from an earlier answer only, sealed for one person and one list.
    drop(case.query, "cursor")
    drop(case.headers, "last-event-id")
    # A key is good for one message.
    for name in [key for key in case.headers or {} if key.lower() == "idempotency-key"]:
        case.headers[name] = f"key-{next(NUMBERS)}"
    if case.query:
        # A range of days has at most 366 of them, and does not end before it begins.
        if "from" in case.query or "to" in case.query:
            day = case.query.get("to") or case.query.get("from")
            case.query["from"] = case.query["to"] = day
    if isinstance(case.body, dict):
        # The branch to go on from is one of the chat's own.
        drop(case.body, "parent_id")
        # A name is made of letters and digits of any script, and nobody has it yet.
        if "username" in case.body and "email" in case.body:
            case.body["username"] = f"person-{next(NUMBERS)}"
        # A service that is paused rightly answers messages with 503; a test of our own pauses it.
        if "accepts_messages" in case.body:
            case.body["accepts_messages"] = True
        # An invite is one that somebody made.
        drop(case.body, "invite")
        # Which passwords are good is told by a list of millions, not by a pattern.
        for name in ("password", "new_password"):
            if name in case.body and case.path != "/auth/reauthenticate":
                case.body[name] = PASSWORD
