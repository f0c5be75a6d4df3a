//! State of all sign-in attempts: the pure core of [`SignInLimits`](super::SignInLimits).

use std::net::IpAddr;
use std::time::Duration;

use super::address::AddressKeys;
use super::bounded::BoundedMap;
use super::retry::RetryAfter;
use super::sign_in_budget::{BudgetGate, SignInBudget};
use super::sign_in_device::{DeviceId, DeviceRecord, FAILURES_PER_DEVICE, SIGN_IN_DEVICES};
use super::sign_in_name::NameRecord;
use super::sign_in_pairs::{AttemptKey, AttemptPairs, AttemptSource, SIGN_IN_PAIRS};
use super::sign_in_refusal::SignInRefusal;
use super::sign_in_settings::{MOMENT, SignInSettings};
use crate::types::crypto::Sha256;

/// Addresses with failures or successes. About 150 bytes each without people: 600 KiB.
pub const SIGN_IN_ADDRESSES: usize = 4096;
/// Local IPv6 networks with failures. A machine has a few; strangers can claim others only where packets come
/// back to them.
pub const SIGN_IN_NETWORKS: usize = 64;
/// A /64 bears as many failures as ten of its addresses: an office makes some mistakes at ten desks in one
/// minute, and a device that takes a new address for each guess makes 100 a minute and no more.
const NETWORK_SHARES: u32 = 10;
/// Names with failures. About 150 bytes each: 600 KiB.
pub const SIGN_IN_NAMES: usize = 4096;

/// Capacities of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) addresses: usize,
    pub(super) pairs: usize,
    pub(super) names: usize,
    pub(super) devices: usize,
}

pub(super) const CAPACITY: Capacity = Capacity {
    addresses: SIGN_IN_ADDRESSES,
    pairs: SIGN_IN_PAIRS,
    names: SIGN_IN_NAMES,
    devices: SIGN_IN_DEVICES,
};

/// Keys under which one attempt counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) address: AddressKeys,
    /// Keyed digest, so that keys have one size and a memory dump shows no names. None for the code of a
    /// claim.
    pub(super) name: Option<Sha256>,
    pub(super) device: Option<DeviceId>,
}

/// An attempt that was let through, with the tokens that it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    address: AddressKeys,
    name: Option<Sha256>,
    device: Option<DeviceId>,
    address_token: bool,
    network_token: bool,
    name_token: bool,
    /// Time for which its answer is held back.
    pub(super) delay: Duration,
}

/// Outcome of an attempt.
#[derive(Debug)]
pub(super) enum Decision {
    Admit(Admission),
    /// Attempts under way decide.
    Wait,
    Refuse(SignInRefusal),
}

/// End of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    Right,
    Wrong,
    /// No verdict: nothing was learnt, nothing counts.
    Abandoned,
}

/// Invariant, while the settings stay: for each pair, failures and attempts under way together never exceed
/// `login_failures`, and each attempt under way without a device holds a token of its address. So attempts in
/// parallel cannot slip past.
pub(super) struct AttemptTable {
    settings: SignInSettings,
    pairs: AttemptPairs,
    addresses: BoundedMap<IpAddr, SignInBudget>,
    networks: BoundedMap<IpAddr, SignInBudget>,
    names: BoundedMap<Sha256, NameRecord>,
    devices: BoundedMap<DeviceId, DeviceRecord>,
}

/// Half of a name's digest: collisions under a secret salt are one in 2⁶⁴.
fn short(name: Sha256) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&name.0[..8]);
    u64::from_be_bytes(bytes)
}

impl AttemptTable {
    pub(super) fn new(settings: SignInSettings, capacity: Capacity) -> Self {
        Self {
            settings,
            pairs: AttemptPairs::new(capacity.pairs),
            addresses: BoundedMap::new(capacity.addresses),
            networks: BoundedMap::new(SIGN_IN_NETWORKS),
            names: BoundedMap::new(capacity.names),
            devices: BoundedMap::new(capacity.devices),
        }
    }

    pub(super) fn reconfigure(&mut self, settings: SignInSettings) {
        self.settings = settings;
    }

    pub(super) fn is_ended(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(DeviceRecord::is_ended)
    }

    fn base(&self) -> u32 {
        self.settings.logins_per_minute.max(1)
    }

    fn network_base(&self) -> u32 {
        self.base().saturating_mul(NETWORK_SHARES)
    }

    /// Decides on an attempt and, when it is admitted, takes its tokens and its place.
    pub(super) fn decide(&mut self, keys: &Keys, now: Duration) -> Decision {
        let device = keys.device.filter(|id| !self.is_ended(id));
        let Keys { address, name, .. } = *keys;
        let mut waits = false;
        if let Some(key) = attempt_key(name, address, device) {
            let failures =
                device.and_then(|id| self.devices.get(&id)).map_or(0, |record| record.failures(now));
            let device_left = device.map_or(u32::MAX, |_| FAILURES_PER_DEVICE.saturating_sub(failures));
            match self.pairs.gate(&key, &self.settings, device_left, now) {
                Ok(BudgetGate::Open) => {}
                Ok(_) => waits = true,
                Err(wait) => return Decision::Refuse(SignInRefusal::LockedOut(wait)),
            }
        }
        let (base, network_base) = (self.base(), self.network_base());
        // Strangers cannot shut out a device that has signed in to this name: it is heard on its own figures.
        if device.is_none() {
            let network = address.network.and_then(|network| self.networks.get_mut(&network));
            let budgets = [(self.addresses.get_mut(&address.own), base), (network, network_base)];
            for (budget, base) in budgets {
                let Some(budget) = budget else { continue };
                match budget.gate(base, now) {
                    BudgetGate::Open => {}
                    BudgetGate::InUse => waits = true,
                    BudgetGate::Spent(retry) => {
                        return Decision::Refuse(SignInRefusal::RateLimited(budget.refusal(retry, now)));
                    }
                }
            }
            let known_here =
                |name| self.addresses.get(&address.own).is_some_and(|budget| budget.knows(short(name), now));
            if let Some(name) = name.filter(|&name| !known_here(name))
                && let Some(record) = self.names.get_mut(&name)
            {
                match record.gate(now) {
                    BudgetGate::Open => {}
                    BudgetGate::InUse => waits = true,
                    BudgetGate::Spent(retry) => {
                        return Decision::Refuse(SignInRefusal::NameThrottled(record.refusal(retry, now)));
                    }
                }
            }
        }
        if waits {
            return Decision::Wait;
        }
        self.admit(address, name, device, now)
    }

    fn admit(
        &mut self,
        address: AddressKeys,
        name: Option<Sha256>,
        device: Option<DeviceId>,
        now: Duration,
    ) -> Decision {
        let key = attempt_key(name, address, device);
        if let Some(Err(wait)) = key.map(|key| self.pairs.place(&key, self.settings.lockout, now)) {
            return Decision::Refuse(SignInRefusal::RateLimited(wait));
        }
        let (base, network_base) = (self.base(), self.network_base());
        let Some(budget) = budget_of(&mut self.addresses, address.own, now) else {
            return Decision::Refuse(SignInRefusal::RateLimited(RetryAfter { retry: MOMENT, first: false }));
        };
        let address_token = budget.take(base, now);
        let network = address.network.and_then(|network| budget_of(&mut self.networks, network, now));
        let network_token = network.is_some_and(|budget| budget.take(network_base, now));
        let mut admission = Admission {
            address,
            name,
            device,
            address_token,
            network_token,
            name_token: false,
            delay: Duration::ZERO,
        };
        let Some(name) = name else { return Decision::Admit(admission) };
        if let Some(record) = self.name_record(name, now) {
            admission.name_token = record.take(now);
            admission.delay = record.delay();
        }
        if let Some(key) = key {
            self.pairs.begin(&key);
        }
        Decision::Admit(admission)
    }

    /// Ends an attempt. Returns the length of the lock that its failure began.
    pub(super) fn settle(
        &mut self,
        admission: &Admission,
        outcome: AttemptOutcome,
        now: Duration,
    ) -> Option<Duration> {
        let Admission { address, name, device, .. } = *admission;
        let back = outcome != AttemptOutcome::Wrong;
        let (base, network_base) = (self.base(), self.network_base());
        if let Some(budget) = self.addresses.get_mut(&address.own) {
            if admission.address_token {
                budget.settle(back, base, now);
            }
            if let Some(name) = name.filter(|_| outcome == AttemptOutcome::Right) {
                budget.note_success(short(name), base, now);
            }
        }
        if admission.network_token
            && let Some(budget) = address.network.and_then(|network| self.networks.get_mut(&network))
        {
            budget.settle(back, network_base, now);
        }
        let name = name?;
        if let Some(record) = self.names.get_mut(&name) {
            if admission.name_token {
                record.settle(back);
            }
            match outcome {
                AttemptOutcome::Right => record.record_success(),
                AttemptOutcome::Wrong => record.record_failure(now),
                AttemptOutcome::Abandoned => {}
            }
            if record.is_idle(now) {
                self.names.remove(&name);
            }
        }
        let of_address = AttemptKey { source: AttemptSource::Address(address.own), name };
        let key = device.map_or(of_address, |id| AttemptKey { source: AttemptSource::Device(id), name });
        let mut locked = None;
        match outcome {
            AttemptOutcome::Right => {
                self.pairs.forgive(&key);
                if device.is_some() {
                    self.pairs.forgive_unless_locked(&of_address);
                }
            }
            AttemptOutcome::Wrong => {
                locked = self.pairs.record_failure(&key, &self.settings, now);
                if let Some(id) = device {
                    self.record_device_failure(id, now);
                    // Dropping the cookie brings no further tries.
                    if self.pairs.place(&of_address, self.settings.lockout, now).is_ok() {
                        self.pairs.record_failure(&of_address, &self.settings, now);
                    }
                }
            }
            AttemptOutcome::Abandoned => {}
        }
        self.pairs.end(&key);
        locked
    }

    fn record_device_failure(&mut self, id: DeviceId, now: Duration) {
        let record =
            self.devices.entry(&id, |r| r.is_idle(now), |r| Some(r.rank(now)), DeviceRecord::default);
        if let Some(record) = record {
            record.record_failure(now);
        }
    }

    fn name_record(&mut self, name: Sha256, now: Duration) -> Option<&mut NameRecord> {
        self.names.entry(&name, |r| r.is_expired(now), |r| r.rank(now), || NameRecord::new(now))
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> Capacity {
        let (addresses, pairs) = (self.addresses.len(), self.pairs.len());
        Capacity { addresses, pairs, names: self.names.len(), devices: self.devices.len() }
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> u32 {
        self.pairs.under_way()
    }
}

fn attempt_key(name: Option<Sha256>, address: AddressKeys, device: Option<DeviceId>) -> Option<AttemptKey> {
    let source = device.map_or(AttemptSource::Address(address.own), AttemptSource::Device);
    name.map(|name| AttemptKey { source, name })
}

fn budget_of(
    budgets: &mut BoundedMap<IpAddr, SignInBudget>,
    key: IpAddr,
    now: Duration,
) -> Option<&mut SignInBudget> {
    budgets.entry(&key, |b| b.is_idle(now), |b| b.rank(now), SignInBudget::default)
}
