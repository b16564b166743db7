use futures_util::{FutureExt, StreamExt};
use lionrocket_domain::ids::SessionId;
use lionrocket_local_adapter::LocalEventBus;
use lionrocket_ports::events::{EventBus, ServiceEvent};
use uuid::Uuid;

fn ended(number: u128) -> ServiceEvent {
    ServiceEvent::SessionEnded(SessionId::from_uuid(Uuid::from_u128(number)))
}

#[tokio::test]
async fn everybody_who_listens_hears_an_event() {
    let bus = LocalEventBus::new();
    bus.publish(ended(1));
    let mut first = bus.subscribe();
    let mut second = bus.clone().subscribe();
    bus.publish(ended(2));
    assert_eq!(first.next().await, Some(ended(2)));
    assert_eq!(second.next().await, Some(ended(2)));
    assert_eq!(first.next().now_or_never(), None);
}

#[tokio::test]
async fn a_subscriber_that_fell_behind_goes_on_with_newer_events() {
    let bus = LocalEventBus::new();
    let mut slow = bus.subscribe();
    let last = 100_000;
    for number in 0..=last {
        bus.publish(ended(number));
    }
    let mut heard = 1;
    while slow.next().await != Some(ended(last)) {
        heard += 1;
    }
    assert!(heard < last, "some were missed");
    bus.publish(ended(last + 1));
    assert_eq!(slow.next().await, Some(ended(last + 1)));
}

#[tokio::test]
async fn a_subscription_ends_with_the_bus() {
    let bus = LocalEventBus::new();
    let mut events = bus.subscribe();
    drop(bus);
    assert_eq!(events.next().await, None);
}
