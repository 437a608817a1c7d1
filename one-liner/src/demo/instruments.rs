//! The three instruments of the demo and their streams, added to a server.

use std::error::Error;

use router_frame::{Frame, WriteError};
use router_server::{RouterServer, StreamOptions};

use super::camera::Camera;
use super::host::Host;
use super::stage::Stage;

/// The instruments that take a while to open.
pub(crate) struct Instruments {
    host: Host,
}

impl Instruments {
    /// Opens them, which takes a fifth of a second: before there is a server whose names would be missing meanwhile.
    ///
    /// # Errors
    /// When this computer cannot be read.
    pub(crate) fn open() -> Result<Instruments, Box<dyn Error>> {
        Ok(Instruments { host: Host::open()? })
    }

    /// Serves `host`, `stage` and `camera`, and starts the camera.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn serve(self, server: &RouterServer) -> Result<(), Box<dyn Error>> {
        server.add_instrument("host", self.host)?;
        server.add_instrument_stream("host.cpu_percent", 2.0, "host.cpu_percent", ())?;
        server.add_instrument_stream("host.load", 1.0, "host.load", ())?;
        server.add_instrument_stream("host.memory", 1.0, "host.memory", ())?;
        server.add_instrument_stream("host.network_rate", 10.0, "host.network_rate", ())?;

        server.add_instrument("stage", Stage::at(0.0))?;
        server.add_instrument_stream("stage.position_um", 30.0, "stage.position_um", ())?;

        let info = Camera::first_frame_info();
        let options = StreamOptions::new()
            .docs("Frames of the camera, as fast as it makes them.")
            .schema(info.schema());
        let mut frames =
            server.add_publisher_with::<Frame>("camera.frame", info.payload_bytes()?, options)?;
        // Only a stopped server takes no frame any more: nobody is left to push to.
        let push = move |frame: Result<&Frame, &WriteError>| match frame {
            Ok(frame) => frames.publish(frame).is_ok(),
            Err(error) => frames.publish_error(error).is_ok(),
        };
        let camera = Camera::open(push)?;
        camera.start();
        server.add_instrument("camera", camera)?;
        Ok(())
    }
}
