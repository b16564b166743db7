//! What administrators switch while the service runs.

use std::sync::Arc;

use lionrocket_domain::{
    access::{self, Actor, Decision},
    audit::{AuditAction, AuditRecord, AuditTarget, Origin},
    budget::DailyLimit,
    calendar::{Day, StatsZone},
};
use lionrocket_ports::{
    runtime::Clock,
    service::{ServiceRepository, ServiceStatus},
};

use crate::ServiceError;

/// The switch of the service and what it used today.
pub struct ServiceControl {
    service: Arc<dyn ServiceRepository>,
    clock: Arc<dyn Clock>,
    zone: StatsZone,
    limit: DailyLimit,
}

impl ServiceControl {
    /// Puts the service together. `limit` is what all people together may use in a day.
    #[must_use]
    pub const fn new(
        service: Arc<dyn ServiceRepository>,
        clock: Arc<dyn Clock>,
        zone: StatsZone,
        limit: DailyLimit,
    ) -> Self {
        Self {
            service,
            clock,
            zone,
            limit,
        }
    }

    /// What all people together may use in a day.
    #[must_use]
    pub const fn limit(&self) -> DailyLimit {
        self.limit
    }

    fn today(&self) -> Day {
        self.zone.day_of(self.clock.now())
    }

    /// How the service stands.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for people who do not administer the service, or the store failed.
    pub async fn status(&self, actor: Actor) -> Result<ServiceStatus, ServiceError> {
        may_control(&actor)?;
        Ok(self.service.status(self.today()).await?)
    }

    /// Switches whether new messages are taken. Counts from the next message on.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for people who do not administer the service, or the store failed.
    pub async fn switch(
        &self,
        actor: Actor,
        accepts_messages: bool,
        origin: Origin,
    ) -> Result<ServiceStatus, ServiceError> {
        may_control(&actor)?;
        let record = AuditRecord {
            actor: Some(actor.user_id),
            action: AuditAction::ServiceUpdate,
            target: AuditTarget::Service,
            subject: None,
            reason: None,
            origin,
            details: Some(serde_json::json!({ "accepts_messages": accepts_messages })),
        };
        let now = self.clock.now();
        let switched = self
            .service
            .switch(accepts_messages, self.today(), record, now);
        Ok(switched.await?)
    }
}

fn may_control(actor: &Actor) -> Result<(), ServiceError> {
    match access::administration(actor) {
        Decision::Allowed => Ok(()),
        _ => Err(ServiceError::Forbidden),
    }
}
