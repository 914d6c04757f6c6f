//! One small history for each rule that passes, and one that fails by exactly this rule.
