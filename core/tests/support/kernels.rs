//! A network on every kernel of this machine.

use nibble_core::{Kernels, Model, Network};

/// The network of a model on every kernel that this machine has: each stores maps in its own way.
pub(crate) fn on_every_kernel(model: &Model) -> Vec<Network> {
    let on = |name: &str| {
        let mut kernels = Kernels::detect();
        kernels.choose(&[model.precision], None, &|known| known == name);
        let network = Network::with_kernels(model.clone(), &kernels).expect("a checked model");
        assert_eq!(network.kernel(), name);
        network
    };
    Kernels::names(model.precision).into_iter().map(on).collect()
}
