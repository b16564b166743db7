"""What the document cannot say, told to Schemathesis.

Only for data that is meant to be accepted. What is meant to be refused is sent as it was made.
"""

import itertools

import schemathesis
from schemathesis import GenerationMode

NUMBERS = itertools.count(1)
# Good for any account here: long, in no list, and without a name.
PASSWORD = "cobalt lighthouse 417"


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def drop(container, *names):
    for name in names:
        for known in [key for key in container or {} if key.lower() == name]:
            del container[known]


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_positive(case):
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
        # Which passwords are good is told by a list of millions, not by a pattern.
        for name in ("password", "new_password"):
            if name in case.body:
                case.body[name] = PASSWORD
