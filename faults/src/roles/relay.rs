//! A relay on a host of its own; see [`Relay`].

use std::time::Duration;

use crate::child::{argument, number, orders, say};
use crate::failed::Outcome;
use crate::relay::Relay;

pub(crate) fn play() -> Outcome {
    let (listen, to) = (argument("listen")?, argument("to")?);
    let ports: Vec<u16> = argument("ports")?.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let relay = Relay::start(&listen, &to, &ports)?;
    relay.delay(Duration::from_millis(number("delay_ms", 0) as u64));
    say("listens", "");
    orders().for_each(drop);
    Ok(())
}
