//! The node's parameters.
//!
//! - A parameter is **declared** once, with its default, its range and when it may change
//!   ([`Declared`]; [`declared`](fn@declared) is the table of all of them).
//! - The **store** ([`Store`]) holds their values: the defaults, what the command line and the
//!   files say over them, and what is set later, if range, type, time and all settings together
//!   allow it.
//! - The **settings** ([`NodeSettings`]) are the values in the form that the rest of the program
//!   takes; read once when the node is configured, so that no name is looked up per frame.
//!
//! ```
//! use lookout::ros::parameters::{NodeSettings, Phase, Store, Value};
//!
//! let mut store = Store::default();
//! let deadline = |ms| [("deadline_ms".to_owned(), Value::Integer(ms))];
//! assert!(store.set(&deadline(80), Phase::Unconfigured).is_ok());
//! let refused = store.set(&deadline(90), Phase::Active).unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     "deadline_ms can be changed only while the node is unconfigured (it is active)"
//! );
//! assert_eq!(NodeSettings::new(&store)?.admission.deadline_ms, 80);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod declared;
mod entry;
mod message;
mod services;
mod settings;
mod store;
mod value;

pub use declared::declared;
pub use entry::{Changeable, Declared, Phase, Range};
pub use message::UnknownType;
pub use services::{Host, ParameterServices, SharedStore};
pub use settings::{LiveSettings, NodeSettings, SettingsError};
pub use store::{DeclareError, Listing, SetError, Store, Undeclared};
pub use value::{Value, ValueType};
