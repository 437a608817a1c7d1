//! Listens at TCP and, for this process, at `inproc`: its own part of the program is a client like any other.

use router_client::RouterClient;
use router_server::{RouterServer, ServerOptions, SharedContext};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let context = SharedContext::new()?;
    let addresses = [address, "inproc://rig".to_owned()];
    let server = RouterServer::bind_all_in(&context, &addresses, ServerOptions::default())?;
    server.add_call("double", |(number,): (u32,)| 2 * number)?;

    let inside = RouterClient::connect_in(&context, "inproc://rig")?;
    assert_eq!(inside.call::<u32>("double", (21,)).wait()?, 42);

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
