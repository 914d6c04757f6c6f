//! What an outside hand or a rotting medium does to files.
//!
//! It is in the journal at its time, yet is none of our changes: what it does is live and durable at
//! once, whatever of the changes before it survives a power cut. [`Image`](super::Image) takes
//! damage done between two lives; this is for damage under a running process.

use std::io;

use super::{Change, SimulatedFileSystem, in_memory};

/// What was done to a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Damage {
    /// A byte changed.
    Flip { offset: u64, xor_byte: u8 },
    /// The end is gone.
    Cut { length: u64 },
}

impl Damage {
    /// Does it to a file's contents; they may have ended before.
    pub(super) fn apply_to(self, contents: &mut Vec<u8>) {
        match self {
            Self::Flip { offset, xor_byte } => {
                if let Some(byte) = contents.get_mut(in_memory(offset)) {
                    *byte ^= xor_byte;
                }
            }
            Self::Cut { length } => contents.truncate(in_memory(length)),
        }
    }
}

impl SimulatedFileSystem {
    /// Changes one byte of a file, by an outside hand.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] without such a file, [`io::ErrorKind::UnexpectedEof`] if it ends
    /// before.
    pub fn corrupt(&self, name: &str, offset: u64, xor_byte: u8) -> io::Result<()> {
        self.damage(name, offset.saturating_add(1), Damage::Flip { offset, xor_byte })
    }

    /// Cuts a file to so many bytes, by an outside hand.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] without such a file, [`io::ErrorKind::UnexpectedEof`] if it is
    /// shorter.
    pub fn truncate_file(&self, name: &str, length: u64) -> io::Result<()> {
        self.damage(name, length, Damage::Cut { length })
    }

    /// Removes a file, by an outside hand. Whoever has it open can still read it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] without such a file.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        world.named(name)?;
        world.change(Change::Loss { name: name.to_owned() });
        Ok(())
    }

    /// Damages a file that has so many bytes at least.
    fn damage(&self, name: &str, length_min: u64, damage: Damage) -> io::Result<()> {
        let mut world = self.world.lock();
        let file = world.named(name)?;
        if (world.contents(file)?.len() as u64) < length_min {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        world.change(Change::Damage { file, damage });
        Ok(())
    }
}
