//! What Git LFS leaves in place of a file that is yet to be fetched.

/// What to say of such a pointer.
pub(crate) const ADVICE: &str =
    "it is a pointer of Git LFS and not the file: fetch it with `git lfs pull`";

/// Whether a file that begins so is a pointer.
pub(crate) fn is_pointer(begin: &[u8]) -> bool {
    begin.starts_with(b"version https://git-lfs.github.com/spec/")
}
