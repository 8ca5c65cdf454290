//! The signed text in parts.

/// A signed text of a hypothesis, and the mistake.
pub(super) type Guess = (String, String);

/// The parts of the signed text.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) method: String,
    pub(super) target: String,
    /// The signed headers: name and value.
    pub(super) values: Vec<(String, String)>,
}

impl Parts {
    pub(super) fn text(&self) -> String {
        let values: Vec<&str> = self
            .values
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        format!("{}\n{}\n{}", self.method, self.target, values.join(";"))
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    pub(super) fn with_target(&self, target: String) -> String {
        let parts = Parts {
            target,
            ..self.clone()
        };
        parts.text()
    }

    pub(super) fn with_value(&self, name: &str, value: &str) -> String {
        let mut parts = self.clone();
        for (known, old) in &mut parts.values {
            if known == name {
                value.clone_into(old);
            }
        }
        parts.text()
    }
}
