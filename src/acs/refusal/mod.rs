//! The refusals of the service.

mod challenge;
mod response;

pub(super) use response::{
    Operation, created_without_token, foreign, not_a_token, not_an_id, not_its_own,
    orphan_possible, refusal, unusable,
};
