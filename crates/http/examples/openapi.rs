//! Prints docs/openapi.json.

fn main() {
    print!("{}", lionrocket_http::openapi_json());
}
