//! The schemas and channels of an MCAP file, and how many messages each channel has.

use std::collections::HashMap;

use mcap::records::op;

use super::TopicInfo;
use super::fields;

/// Longest name of a topic, type or encoding, in bytes; ROS 2 stops at 255 of a topic.
const LONGEST_NAME: usize = 1024;

/// Bytes of all names together, each as often as it is kept. Ten thousand topics have about two million.
const MOST_NAMES: usize = 16 << 20;

/// What a channel carries.
pub(super) struct Channel {
    pub(super) topic: String,
    pub(super) type_name: String,
    pub(super) encoding: String,
}

/// What the schemas and channels seen so far say: at most 65,536 of each, with names of at most
/// [`LONGEST_NAME`] and together [`MOST_NAMES`].
#[derive(Default)]
pub(super) struct Directory {
    /// Bytes of the names.
    names: usize,
    schemas: HashMap<u16, String>,
    pub(super) channels: HashMap<u16, Channel>,
    pub(super) counts: HashMap<u16, u64>,
}

impl Directory {
    /// Takes note of a schema or a channel; other records are none of its business.
    pub(super) fn note(&mut self, opcode: u8, record: &[u8]) -> Result<(), String> {
        match opcode {
            op::SCHEMA => {
                let schema = fields::Schema::parse(record).ok_or("a schema record is cut off")?;
                // a recorder says them again in every chunk
                if self.schemas.get(&schema.id).map(String::as_str) != Some(schema.name) {
                    let name = self.name(schema.name)?;
                    self.schemas.insert(schema.id, name);
                }
            }
            op::CHANNEL => {
                let channel =
                    fields::Channel::parse(record).ok_or("a channel record is cut off")?;
                if !self.channels.contains_key(&channel.id) {
                    let type_name = self.schemas.get(&channel.schema).cloned();
                    let type_name = self.name(&type_name.unwrap_or_default())?;
                    let topic = self.name(channel.topic)?;
                    let encoding = self.name(channel.encoding)?;
                    self.channels.insert(
                        channel.id,
                        Channel {
                            topic,
                            type_name,
                            encoding,
                        },
                    );
                }
            }
            op::STATISTICS => {
                if let Some(counts) = fields::message_counts(record) {
                    self.counts.extend(counts);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes over what another one knows of schemas and channels.
    pub(super) fn take_channels(&mut self, other: Self) {
        self.names = other.names;
        self.schemas = other.schemas;
        self.channels = other.channels;
    }

    /// The topics by name, with the counts of the messages seen so far or told by the statistics.
    pub(super) fn topics(&self) -> Vec<TopicInfo> {
        let mut topics: Vec<TopicInfo> = Vec::new();
        let mut channels: Vec<_> = self.channels.iter().collect();
        channels.sort_by_key(|(id, channel)| (&channel.topic, **id));
        for (id, channel) in channels {
            let count = self.counts.get(id).copied().unwrap_or(0);
            match topics.last_mut() {
                Some(last) if last.name == channel.topic => {
                    // messages in another encoding are never delivered
                    let count = if channel.encoding == last.encoding {
                        count
                    } else {
                        0
                    };
                    last.message_count = last.message_count.map(|n| n.saturating_add(count));
                }
                _ => topics.push(TopicInfo {
                    name: channel.topic.clone(),
                    type_name: channel.type_name.clone(),
                    encoding: channel.encoding.clone(),
                    message_count: Some(count),
                }),
            }
        }
        topics
    }

    /// A name to keep.
    fn name(&mut self, text: &str) -> Result<String, String> {
        if text.len() > LONGEST_NAME {
            let long = text.len();
            return Err(format!(
                "a name of {long} bytes; the most is {LONGEST_NAME}"
            ));
        }
        self.names += text.len();
        if self.names > MOST_NAMES {
            return Err(format!("names of more than {MOST_NAMES} bytes in all"));
        }
        Ok(text.to_owned())
    }
}
