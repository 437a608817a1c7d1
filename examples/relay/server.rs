//! Streams what other programs publish over ZeroMQ, wherever it is told that one is.

use std::sync::Arc;

use router_server::{Encoding, RelayFormat, RelayOptions, RouterServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = Arc::new(RouterServer::bind(&address)?);
    let this = Arc::downgrade(&server);
    server.add_call("relay", move |(name, address): (String, String)| -> Result<(), String> {
        let server = this.upgrade().ok_or("the server is stopping")?;
        let options = RelayOptions::new()
            .format(RelayFormat::Multipart)
            .topic("power_mw")
            .encoding(Encoding::Json)
            .docs("Behind the shutter.")
            .unit("mW");
        server.add_relay_with(&name, &address, options).map_err(|error| error.to_string())
    })?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
