//! What a tensor is bound to.

/// Memory that the GPU can reach.
///
/// # Safety
/// From [`DeviceMemory::address`] on there are [`DeviceMemory::bytes`] bytes that kernels may read and
/// write for as long as the value lives, and neither number changes. An engine runs with raw addresses
/// and checks nothing.
pub unsafe trait DeviceMemory: Send + Sync {
    /// Where it begins, as the GPU sees it.
    fn address(&self) -> u64;
    /// How long it is.
    fn bytes(&self) -> usize;
}
