//! A server and a client in one program, in any order; then a server elsewhere.

use std::time::Duration;

use router_client::RouterClient;
use router_server::{RouterServer, ServerOptions, SharedContext};

/// Far more than a sample takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let context = SharedContext::new()?;
    let client = RouterClient::connect_in(&context, "inproc://own")?;
    let counts = client.subscribe::<u32>("count").queue(10)?;
    println!("the client was there first");

    let server = RouterServer::bind_in(&context, "inproc://own", ServerOptions::default())?;
    server.add_call("double", |(number,): (u32,)| 2 * number)?;
    let mut count = server.add_publisher::<u32>("count", 100)?;
    println!("answered: {}", client.call::<u32>("double", (21,)).wait()?);

    count.publish(&0)?; // kept for the subscriber, if it comes later than this
    let first = counts.recv_timeout(PATIENCE)?;
    count.publish(&1)?;
    count.publish(&2)?;
    let (second, third) = (counts.recv_timeout(PATIENCE)?, counts.recv_timeout(PATIENCE)?);
    println!("samples: {} {} {}", first.value, second.value, third.value);

    let elsewhere = RouterClient::connect(&address)?;
    println!("over tcp too: {}", elsewhere.call::<u32>("double", (21,)).wait()?);
    Ok(())
}
