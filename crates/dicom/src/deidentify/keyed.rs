//! What is derived from the run's secret: UIDs, pseudonyms, day shifts.

use sha2::{Digest, Sha256};

/// The secret of one run. Who does not know it can't relate new identifiers to old ones.
pub(super) struct Key([u8; 32]);

impl Key {
    /// Random, or made from a seed. A seed makes runs repeatable, and whoever knows or guesses it can test guesses of
    /// original identifiers.
    pub fn new(seed: Option<u64>) -> Self {
        Self(match seed {
            Some(seed) => Sha256::digest(format!("thoracast de-identification seed {seed}")).into(),
            None => rand::random(),
        })
    }

    fn digest(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.finalize().into()
    }

    fn number(&self, purpose: &str, text: &str) -> u128 {
        let digest = self.digest(purpose, text);
        digest[..16].iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
    }

    /// `2.25.` and the first 128 bits of SHA-256(key, "uid", 0, UID) in decimal, marked as a version-8 UUID (PS3.5 B.2).
    /// UIDs the standard defines (below 1.2.840.10008) stay.
    pub fn uid(&self, original: &str) -> String {
        if is_well_known(original) {
            return original.to_owned();
        }
        let version = 0xF_u128 << 76;
        let variant = 0x3_u128 << 62;
        let number = self.number("uid", original) & !version & !variant | 0x8 << 76 | 0x2 << 62;
        format!("2.25.{number}")
    }

    /// `ANON-` and eight hexadecimal digits.
    pub fn pseudonym(&self, patient: &str) -> String {
        format!("ANON-{:08X}", self.number("patient", patient) >> 96)
    }

    /// Days by which this patient's dates go back: 1 to 3650.
    pub fn days_back(&self, patient: &str) -> u64 {
        // Below 3650, so it fits.
        1 + (self.number("days", patient) % 3650) as u64
    }
}

pub(super) fn is_well_known(uid: &str) -> bool {
    uid.is_empty() || uid.starts_with("1.2.840.10008.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_identifiers_and_another_seed_others() {
        let (a, b, c) = (Key::new(Some(1)), Key::new(Some(1)), Key::new(Some(2)));
        assert_eq!(a.uid("1.2.3"), b.uid("1.2.3"));
        assert_ne!(a.uid("1.2.3"), a.uid("1.2.4"));
        assert_ne!(a.uid("1.2.3"), c.uid("1.2.3"));
        assert_ne!(Key::new(None).uid("1.2.3"), Key::new(None).uid("1.2.3"));
        assert_eq!(a.uid("1.2.840.10008.5.1.4.1.1.2"), "1.2.840.10008.5.1.4.1.1.2");
        assert!(a.uid("1.2.3").len() <= 64 && a.uid("1.2.3").starts_with("2.25."));
        assert_ne!(a.pseudonym("P1"), a.pseudonym("P2"));
        assert!((1..=3650).contains(&a.days_back("P1")));
    }
}
