"""The official Python SDK, in two major versions, talks to the simulator."""

import itertools
import json
import os
import pathlib
import subprocess
import urllib.request

import anthropic
import pytest
from anthropic import _exceptions

HAIKU = "claude-haiku-5-5"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SDK_MAJOR = int(anthropic.__version__.split(".")[0])
runs = itertools.count()


class Simulator:
    """The running binary."""

    def __init__(self, url):
        self.url = url
        # Loopback only, whatever proxy the environment names.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def client(self, max_retries=0, **options):
        return anthropic.Anthropic(
            api_key=options.pop("api_key", "test-key"),
            base_url=self.url,
            max_retries=max_retries,
            timeout=20,
            **options,
        )

    def control(self, path, method="GET"):
        request = urllib.request.Request(self.url + path, method=method)
        with self.opener.open(request, timeout=10) as response:
            return json.loads(response.read() or b"null")


@pytest.fixture(scope="session")
def simulator():
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    default = REPOSITORY / "target" / "debug" / "lionrocket-claude-sim"
    binary = pathlib.Path(os.environ.get("LIONROCKET_CLAUDE_SIM", default))
    if not binary.exists():
        pytest.fail(f"{binary} is missing: cargo build -p lionrocket-claude-sim")
    process = subprocess.Popen(
        [binary, "--port", "0", "--record", "--key", "test-key"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Simulator(process.stdout.readline().strip())
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0, "the simulator stops in an orderly way"


@pytest.fixture
def client(simulator):
    simulator.control("/sim/reset", "POST")
    return simulator.client()


def ask(text="tell me about boats", **more):
    return {
        "model": HAIKU,
        "max_tokens": 400,
        "thinking": {"type": "disabled"},
        "messages": [{"role": "user", "content": text}],
        **more,
    }


def scenario(spec):
    return {"x-sim-scenario": spec, "x-sim-run": f"run-{next(runs)}"}


def error_class(name):
    """Not every class is exported at the top of every version."""
    return getattr(anthropic, name, None) or getattr(_exceptions, name)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def test_the_installed_version_is_one_of_the_two_that_are_supported():
    assert anthropic.__version__ in ("2.12.0", "0.121.0")


def test_create_answers_in_the_language_of_the_question(client):
    english = client.messages.create(**ask())
    assert english.type == "message" and english.role == "assistant"
    assert english.model == HAIKU
    assert english.stop_reason == "end_turn"
    assert "boats" in text_of(english)
    korean = client.messages.create(**ask("배 이야기 들려줘"))
    assert any("가" <= letter <= "힣" for letter in text_of(korean))


def test_the_sdk_sends_the_key_and_the_version_of_its_time(client, simulator):
    client.messages.create(**ask())
    headers = simulator.control("/sim/requests")["requests"][-1]["headers"]
    assert headers["anthropic-version"] == ("2026-10-21" if SDK_MAJOR >= 2 else "2023-06-01")
    assert "test-key" not in json.dumps(headers)


def test_the_request_id_is_on_the_message_and_on_the_bill(client, simulator):
    message = client.messages.create(**ask(metadata={"user_id": "u-1"}))
    (charge,) = simulator.control("/sim/bill")["charges"]
    assert message._request_id == charge["request_id"]
    assert charge["user_id"] == "u-1"
    assert charge["output_tokens"] == message.usage.output_tokens
    assert charge["complete"]


def test_a_stream_gives_the_text_of_the_plain_answer(client):
    plain = client.messages.create(**ask())
    with client.messages.stream(**ask()) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 3
    assert "".join(pieces) == text_of(plain) == text_of(final)
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == plain.usage.output_tokens
    assert final.usage.input_tokens == plain.usage.input_tokens


def test_raw_stream_events_come_in_the_documented_order(client):
    kinds = [event.type for event in client.messages.create(stream=True, **ask())]
    shortened = [kind for kind, _ in itertools.groupby(kinds)]
    assert shortened == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_a_thinking_model_thinks_before_it_speaks(client):
    with client.messages.stream(**ask(thinking={"type": "adaptive"})) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.content[0].signature


def test_cached_prefixes_are_written_then_read(client):
    system = [{"type": "text", "text": "규" * 700, "cache_control": {"type": "ephemeral"}}]
    first = client.messages.create(**ask(system=system)).usage
    second = client.messages.create(**ask(system=system)).usage
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (700, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 700)


def test_count_tokens_agrees_with_the_usage(client):
    usage = client.messages.create(**ask(system="be brief")).usage
    counted = client.messages.count_tokens(
        model=HAIKU, system="be brief", messages=[{"role": "user", "content": "tell me about boats"}]
    )
    assert counted.input_tokens == usage.input_tokens


def test_models_are_listed_over_pages_and_retrieved(client):
    paged = [model.id for model in client.models.list(limit=3)]
    assert paged == [model.id for model in client.models.list(limit=1000)]
    assert len(paged) == len(set(paged)) > 6
    model = client.models.retrieve(HAIKU)
    assert model.id == HAIKU and model.type == "model"
    assert client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"


STATUSES = [
    (400, "BadRequestError", "invalid_request_error"),
    (401, "AuthenticationError", "authentication_error"),
    (402, "PaymentRequiredError" if SDK_MAJOR >= 2 else "APIStatusError", "billing_error"),
    (403, "PermissionDeniedError", "permission_error"),
    (404, "NotFoundError", "not_found_error"),
    (409, "ConflictError", "conflict_error"),
    (413, "RequestTooLargeError", "request_too_large"),
    (422, "UnprocessableEntityError", "invalid_request_error"),
    (429, "RateLimitError", "rate_limit_error"),
    (500, "InternalServerError", "api_error"),
    (503, "ServiceUnavailableError" if SDK_MAJOR >= 2 else "InternalServerError", "api_error"),
    (504, "GatewayTimeoutError" if SDK_MAJOR >= 2 else "InternalServerError", "timeout_error"),
    (529, "OverloadedError", "overloaded_error"),
]


@pytest.mark.parametrize("status,name,kind", STATUSES)
@pytest.mark.parametrize("stream", [False, True])
def test_every_status_raises_its_class(client, status, name, kind, stream):
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(
            stream=stream, extra_headers=scenario(f"error;status={status}"), **ask()
        )
    error = caught.value
    assert type(error) is error_class(name)
    assert error.status_code == status
    assert error.body["error"]["type"] == kind
    assert error.request_id == error.body["request_id"] != None  # noqa: E711


def test_real_mistakes_raise_their_class_too(client, simulator):
    with pytest.raises(anthropic.BadRequestError, match="non-empty"):
        client.messages.create(**ask(""))
    with pytest.raises(anthropic.AuthenticationError):
        simulator.client(api_key="other").messages.create(**ask())
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        client.messages.create(**ask(model="claude-9"))
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-9")
    with pytest.raises(anthropic.PermissionDeniedError):
        client.messages.create(**ask(model="claude-mythos-5-2"))


def test_sampling_parameters_meet_the_rules_of_the_version(client):
    # The newer SDK has no such parameter any more; the field itself is what counts.
    sampled = ask(model="claude-haiku-4-5", extra_body={"temperature": 0.5})
    if SDK_MAJOR >= 2:
        with pytest.raises(anthropic.BadRequestError, match="temperature"):
            client.messages.create(**sampled)
    else:
        assert client.messages.create(**sampled).stop_reason == "end_turn"


def test_a_spend_cap_is_told_by_its_code(client):
    spec = "error;status=429;code=enforced_spend_limit_reached;should-retry=false"
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(extra_headers=scenario(spec), **ask())
    assert caught.value.body["error"]["details"]["error_code"] == "enforced_spend_limit_reached"
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize("status", [413, 502])
def test_the_answer_of_a_proxy_is_classified_by_its_status(client, status):
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(extra_headers=scenario(f"error;status={status};body=html"), **ask())
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, str) or caught.value.body is None


@pytest.mark.parametrize("status", [408, 429, 500, 529])
def test_the_sdk_tries_again_until_it_works(simulator, client, status):
    spec = f"error;status={status};retry-after-ms=10;times=2"
    message = simulator.client(max_retries=2).messages.create(extra_headers=scenario(spec), **ask())
    assert message.stop_reason == "end_turn"
    requests = simulator.control("/sim/requests")["requests"]
    assert [request["status"] for request in requests] == [status, status, 200]
    counts = [request["headers"]["x-stainless-retry-count"] for request in requests]
    assert counts == ["0", "1", "2"]
    assert simulator.control("/sim/bill")["total"]["charges"] == 1


def test_the_sdk_gives_up_when_told_so(simulator, client):
    with pytest.raises(error_class("OverloadedError")):
        simulator.client(max_retries=2).messages.create(
            extra_headers=scenario("error;status=529;should-retry=false"), **ask()
        )
    assert len(simulator.control("/sim/requests")["requests"]) == 1


def read(client, spec):
    """Reads a stream to its end; returns its text and the final message."""
    pieces = []
    with client.messages.stream(extra_headers=scenario(spec), **ask()) as stream:
        for piece in stream.text_stream:
            pieces.append(piece)
        return "".join(pieces), stream.get_final_message()


def test_an_error_in_the_middle_of_a_stream_is_raised(client):
    with pytest.raises(anthropic.APIStatusError) as caught:
        read(client, "midstream-error;after=3")
    assert caught.value.status_code == 200
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_a_cut_connection_is_raised_and_the_bill_stays_incomplete(client, simulator):
    with pytest.raises(Exception) as caught:
        read(client, "disconnect;after=3")
    assert type(caught.value).__name__ == "RemoteProtocolError"
    (charge,) = simulator.control("/sim/bill")["charges"]
    assert not charge["complete"] and charge["output_tokens"] > 0


def test_broken_json_is_raised(client):
    with pytest.raises(json.JSONDecodeError):
        read(client, "malformed;after=3")


def test_a_clean_end_without_message_stop_goes_unnoticed_by_the_sdk(client):
    text, final = read(client, "truncate;after=3")
    assert text and final.stop_reason is None


def test_unknown_events_and_deltas_are_skipped(client):
    text, final = read(client, "unknown-event")
    assert text == text_of(final) == text_of(client.messages.create(**ask()))


def test_refusals_and_limits_are_stop_reasons(client):
    text, final = read(client, "refusal")
    assert (text, final.stop_reason) == ("", "refusal")
    text, final = read(client, "refusal;after=3")
    assert text and final.stop_reason == "refusal"
    assert final.stop_details.category == "general_harms"
    _, final = read(client, "max-tokens;after=3")
    assert final.stop_reason == "max_tokens"


def test_a_stall_longer_than_the_timeout_is_a_timeout(simulator, client):
    impatient = simulator.client().with_options(timeout=0.3)
    with pytest.raises(Exception) as caught:
        read(impatient, "stall;ms=3000;after=1")
    assert "Timeout" in type(caught.value).__name__
