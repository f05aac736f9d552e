//! What a policy needs from outside before it can decide, performed: a turn in a queue, a password hashed on a thread that
//! may take its time. A decider says what it needs and is called again with what came of it.

use crate::exchange::Context;
use crate::net::timer;
use crate::observe::Reason;
use crate::policy::{Ask, Told};

/// Performs it.
///
/// # Errors
/// Why the request is refused, where nothing comes of it.
pub async fn perform(ctx: &Context<'_>, ask: Ask) -> Result<Told, Reason> {
    match ask {
        Ask::Wait(until) => {
            timer::pause(until).await;
            Ok(Told::Waited)
        }
        Ask::Verify => {
            let work = ctx.passage.borrow_mut().as_mut().and_then(|passage| passage.work.take());
            let Some(work) = work else { return Err(Reason::PolicyUndecided("no_password")) };
            // With its queue full, more passwords would only wait longer: whoever guesses is slowed down first.
            let verifying = ctx.lent.offload.run(move || work.run());
            let Some(verifying) = verifying else { return Err(Reason::PolicyUndecided("passwords_busy")) };
            verifying.await.map(Told::Verified).ok_or(Reason::PolicyUndecided("password_fault"))
        }
    }
}
