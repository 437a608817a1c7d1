//! Asking for the newest sample: how a cache gets large samples, which cost the line only when somebody looks.

use std::time::{Duration, Instant};

use super::attached::StreamClient;
use super::subscription::{Keep, Subscription};
use super::token;

/// Has the newest sample of the stream come, if samples come when they are asked for and the server has a newer one
/// than is here; and the next one as soon as it is made, if it has none.
///
/// After a question that was not answered in time it asks and does not wait, until something comes again.
///
/// # Blocking
/// For one round trip, `timeout` at most; not at all where samples come by themselves or there is no connection.
pub(crate) fn freshen<K: Keep>(subscription: &Subscription<K>, client: &dyn StreamClient, timeout: Duration) {
    let token = token::new();
    let asks = subscription.look(|state| {
        let asks = state.asked && !state.closed;
        if asks {
            state.awaited_tokens.push(token);
        }
        asks.then_some((state.arrivals, state.unanswered))
    });
    let Some((arrivals, unanswered)) = asks else { return };
    if client.ask_newest(subscription.name(), token) && !unanswered {
        let answered = subscription.wait(Instant::now().checked_add(timeout), |state| {
            let answered = state.arrivals > arrivals || !state.awaited_tokens.contains(&token);
            (answered || state.closed).then_some(())
        });
        subscription.look(|state| state.unanswered = answered.is_none());
    }
    subscription.forget_token(token);
}
