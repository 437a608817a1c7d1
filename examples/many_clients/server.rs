//! Serves an instrument whose method lasts, and another that is always quick.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use router_client::{Call, Interrupted, interface};
use router_server::RouterServer;

/// An instrument that waits for two visitors.
#[derive(Default)]
struct Oven {
    visitors: Mutex<BTreeSet<String>>,
    knocked: Condvar,
}

#[interface]
impl Oven {
    /// Bakes until two visitors have knocked; returns who they were.
    pub fn bake(&self, call: &Call) -> Result<Vec<String>, Interrupted> {
        const LOOK: Duration = Duration::from_millis(50);
        let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        while visitors.len() < 2 {
            call.check()?;
            visitors = self.knocked.wait_timeout(visitors, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(std::mem::take(&mut *visitors).into_iter().collect())
    }

    /// Tells the oven that `visitor` was here; never waits behind `bake`.
    #[call(urgent)]
    pub fn knock(&self, visitor: String) {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner).insert(visitor);
        self.knocked.notify_all();
    }
}

struct Thermometer;

#[interface]
impl Thermometer {
    /// Temperature now [degC].
    pub fn temperature_degc(&self) -> f64 {
        20.5
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_instrument("oven", Oven::default())?;
    server.add_instrument("thermometer", Thermometer)?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
