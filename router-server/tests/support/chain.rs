//! Servers one behind the other.

use router_server::RouterServer;

use super::{StageRig, TestStage, address, eventually, server_with};

/// A chain of servers: the stage is at the end of it, and each other one has the next under `next`.
pub(crate) struct Chain {
    pub(crate) servers: Vec<RouterServer>,
    pub(crate) stage: StageRig,
}

impl Chain {
    pub(crate) fn of(length: usize) -> Chain {
        let stage = TestStage::rig();
        let last = named_server("last");
        last.add_instrument("stage", stage.stage.clone()).unwrap();
        let mut servers = vec![last];
        for index in 1..length {
            let gateway = named_server(&format!("gateway {index}"));
            gateway.add_upstream("next", &address(&servers[0])).unwrap();
            servers.insert(0, gateway);
        }
        let chain = Chain { servers, stage };
        chain.wait();
        chain
    }

    pub(crate) fn first(&self) -> &RouterServer {
        &self.servers[0]
    }

    pub(crate) fn last(&self) -> &RouterServer {
        self.servers.last().unwrap()
    }

    /// `stage` as clients of the first server know it.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", "next.".repeat(self.servers.len() - 1))
    }

    /// Waits until the first server knows what the last one serves.
    pub(crate) fn wait(&self) {
        let name = self.name("stage.move_to");
        let knows = || self.first().describe().calls.iter().any(|call| call.name == name);
        eventually("the first server knows the last one's calls", knows);
    }
}

/// A server that calls itself `name`.
pub(crate) fn named_server(name: &str) -> RouterServer {
    server_with(|options| options.name = name.to_owned())
}
