//! `RouterClient::subscribe`: where the receiving side of streams meets the client.

use std::sync::Arc;
use std::time::Duration;

use router_wire::Name;

use crate::call_error::CallError;
use crate::client::RouterClient;
use crate::streams::{FromPayload, Payload, SamplesHandle, StreamClient, Subscribe};

/// The server's own call that makes a source declare its newest number.
const SETTLE: &str = "router.settle";

/// The server's own call that sends the newest sample of a stream.
const NEWEST: &str = "router.newest";

/// How long such a call may take until it is of no use [well above any round trip].
const ASK_WITHIN: Duration = Duration::from_secs(3);

impl RouterClient {
    /// Prepares a subscription to the stream `name`; `cache`, `queue` or `on_sample` begins it.
    ///
    /// The stream does not have to exist yet, and the server does not have to be there: samples come when both
    /// do, and come again after the server was restarted. Subscriptions of one client to one stream share the
    /// connection, and each counts for itself what it received and lost.
    ///
    /// ```no_run
    /// # use router_client::RouterClient;
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = RouterClient::connect("tcp://localhost")?;
    /// let position = client.subscribe::<f64>("stage.position_um").cache()?; // newest only
    /// let counts = client.subscribe::<Vec<u32>>("detector.counts").queue(100)?; // every one
    /// println!("{} um", position.wait_newer(Duration::from_secs(1))?.value);
    /// for sample in counts.iter().take(3) {
    ///     println!("{:?}", sample?.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe<T: FromPayload>(&self, name: &str) -> Subscribe<T> {
        Subscribe::new(Arc::new(self.clone()), name)
    }

    /// Prepares a subscription that receives the samples' bytes, by reference and undecoded.
    pub fn subscribe_raw(&self, name: &str) -> Subscribe<Payload> {
        self.subscribe(name)
    }
}

impl StreamClient for RouterClient {
    fn samples(&self) -> &SamplesHandle {
        self.samples_handle()
    }

    fn queue_bytes(&self) -> usize {
        self.shared().options.subscription_bytes
    }

    fn ask_to_declare(&self, name: &Name, token: u64, deadline: Duration) -> Result<(), CallError> {
        self.call(SETTLE, (name.as_str(), token)).deadline(deadline).wait()
    }

    fn ask_newest(&self, name: &Name, token: u64) -> bool {
        if !self.state().is_up() {
            return false;
        }
        let asker = self.samples_handle().asker();
        // Its answer comes with the samples; there is nothing to wait for.
        let question = self.call::<()>(NEWEST, (name.as_str(), asker, token));
        drop(question.deadline(ASK_WITHIN).start());
        true
    }
}
