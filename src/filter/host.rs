//! The one file that names hostcalls (proxy-wasm ABI 0.2.1). Each tells of its failure; none can panic.
//!
//! The usual SDK is not used: its wrappers panic on a status they do not expect and on header bytes that
//! are not UTF-8, and it makes the module slower and larger.

use latchkey_core::Timestamp;
use latchkey_core::http::{HeaderPair, Reply};
use latchkey_core::lookup::Call;
use std::ptr::null_mut;
use std::time::Duration;

/// How much a line of the log matters.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum LogLevel {
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Header fields the host keeps.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Fields {
    Request = 0,
    RequestTrailers = 1,
    CallReply = 6,
}

/// Bytes the host keeps.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Buffer {
    RequestBody = 0,
    CallReplyBody = 4,
    PluginConfiguration = 7,
}

/// What a metric does with what it is told.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum MetricKind {
    Counter = 0,
    Histogram = 2,
}

/// The host did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failed;

type Result<T> = std::result::Result<T, Failed>;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_current_time_nanoseconds(nanos: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(id: u32) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

fn ok(status: u32) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(Failed) }
}

/// Bytes the host has written into memory it asked this module for.
fn received(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    ok(call(&mut data, &mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host fills what `allocate` gave it, a boxed slice of exactly `size` bytes, and leaves its
    // ownership to the caller.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Memory for the host to write into; `proxy_on_memory_allocate` hands it over.
pub(crate) fn allocate(size: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: LogLevel, line: &str) {
    // SAFETY: the pointer is valid for the size. A line that cannot be written can be told to nobody.
    let _ = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
}

/// Whether lines of this level are written at all.
pub(crate) fn logs(level: LogLevel) -> bool {
    let mut least = LogLevel::Info as u32;
    // SAFETY: the host writes one `u32`; where it does not, the default stands.
    let _ = unsafe { proxy_get_log_level(&mut least) };
    level as u32 >= least
}

/// The host's clock.
pub(crate) fn now() -> Result<Timestamp> {
    let mut nanos = 0;
    // SAFETY: the host writes one `u64`.
    ok(unsafe { proxy_get_current_time_nanoseconds(&mut nanos) })?;
    Ok(Timestamp::from_nanos(nanos))
}

/// A variable of the VM's environment (`vm_config.environment_variables`).
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment comes in"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// 128 bits from the host's generator.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where randomness comes in"
)]
pub(crate) fn random() -> Result<[u8; 16]> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|_| Failed)?;
    Ok(bits)
}

/// Calls the root context back at this period; zero: never.
pub(crate) fn set_tick(period: Duration) {
    let millis = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: no memory is involved. Where it fails, Envoy's own stream timeout is left.
    let _ = unsafe { proxy_set_tick_period_milliseconds(millis) };
}

/// Makes the hostcalls that follow concern another stream.
pub(crate) fn enter(stream: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    ok(unsafe { proxy_set_effective_context(stream) })
}

/// The plugin's configuration.
pub(crate) fn configuration() -> Result<Vec<u8>> {
    buffer(Buffer::PluginConfiguration, usize::MAX)
}

/// At most `limit` bytes of the request body that Envoy holds.
pub(crate) fn request_body(limit: usize) -> Result<Vec<u8>> {
    buffer(Buffer::RequestBody, limit)
}

/// At most `limit` bytes of a call's reply.
pub(crate) fn call_body(limit: usize) -> Result<Vec<u8>> {
    buffer(Buffer::CallReplyBody, limit)
}

fn buffer(kind: Buffer, limit: usize) -> Result<Vec<u8>> {
    // SAFETY: see `received`.
    received(|data, size| unsafe { proxy_get_buffer_bytes(kind as u32, 0, limit, data, size) })
}

/// `:status` of a call's reply.
pub(crate) fn call_status() -> Result<Vec<u8>> {
    let (map, name) = (Fields::CallReply as u32, b":status");
    received(|data, size| {
        // SAFETY: the name is valid for its size; for the rest see `received`.
        unsafe { proxy_get_header_map_value(map, name.as_ptr(), name.len(), data, size) }
    })
}

/// A request's header fields as the host serialises them: a count, the sizes of all names and values
/// (each a little-endian `u32`), then names and values, each followed by a zero byte.
pub(crate) struct HeaderMap(Vec<u8>);

/// The request's header fields, or its trailers, all in one crossing.
pub(crate) fn fields(map: Fields) -> Result<HeaderMap> {
    // SAFETY: see `received`.
    received(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })
        .map(HeaderMap)
}

impl HeaderMap {
    /// Every field; `None`: the bytes are not what they should be.
    pub(crate) fn pairs(&self) -> Option<Pairs<'_>> {
        if self.0.is_empty() {
            // So the host writes a map without fields.
            return Some(Pairs {
                sizes: &[],
                texts: &[],
            });
        }
        let (count, rest) = take_u32(&self.0)?;
        let (sizes, texts) = rest.split_at_checked(count.checked_mul(8)?)?;
        let expected = sizes.chunks_exact(4).try_fold(0_usize, |sum, size| {
            sum.checked_add(take_u32(size)?.0)?.checked_add(1)
        });
        (expected? == texts.len()).then_some(Pairs { sizes, texts })
    }
}

/// The fields of a [`HeaderMap`] whose sizes have been checked, so that none is missed.
#[derive(Clone)]
pub(crate) struct Pairs<'a> {
    sizes: &'a [u8],
    texts: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = HeaderPair<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.text()?, self.text()?))
    }
}

impl<'a> Pairs<'a> {
    fn text(&mut self) -> Option<&'a [u8]> {
        let (size, sizes) = take_u32(self.sizes)?;
        let (text, texts) = self.texts.split_at_checked(size)?;
        self.sizes = sizes;
        self.texts = texts.get(1..)?;
        Some(text)
    }
}

fn take_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// Removes every field of a name from the request's headers or trailers.
pub(crate) fn remove(map: Fields, name: &str) -> Result<()> {
    // SAFETY: the pointer is valid for its size.
    ok(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// Sets a field of the request in place of whatever it had.
pub(crate) fn set_header(name: &str, value: &str) -> Result<()> {
    let map = Fields::Request as u32;
    // SAFETY: both pointers are valid for their sizes.
    ok(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// The caller's address, `address:port`, as the connection manager computes it.
pub(crate) fn source_address() -> Result<Vec<u8>> {
    let path = b"source\0address";
    // SAFETY: the path is valid for its size; for the rest see `received`.
    received(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// Writes filter state that access logs and RBAC see as `wasm.<name>`.
pub(crate) fn set_filter_state(name: &str, value: &str) -> Result<()> {
    // SAFETY: both pointers are valid for their sizes.
    ok(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Answers the request. Envoy makes a trailers-only reply of it for gRPC callers, and leaves the body
/// out for HEAD.
pub(crate) fn reply(reply: &Reply) -> Result<()> {
    let headers = serialize(&reply.headers);
    let details = reply.outcome.reason.as_str();
    // SAFETY: all pointers are valid for their sizes.
    ok(unsafe {
        proxy_send_local_response(
            u32::from(reply.status),
            details.as_ptr(),
            details.len(),
            reply.body.as_ptr(),
            reply.body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    })
}

/// The form [`HeaderMap`] reads.
fn serialize<N: AsRef<str>>(headers: &[(N, String)]) -> Vec<u8> {
    let size = |size: usize| u32::try_from(size).unwrap_or_default().to_le_bytes();
    let mut bytes = Vec::with_capacity(512);
    bytes.extend(size(headers.len()));
    for (name, value) in headers {
        bytes.extend(size(name.as_ref().len()));
        bytes.extend(size(value.len()));
    }
    for text in headers
        .iter()
        .flat_map(|(name, value)| [name.as_ref(), value])
    {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// Makes a call. Its answer comes to `proxy_on_http_call_response` of the root context, with the number
/// returned here.
pub(crate) fn dispatch(call: &Call) -> Result<u32> {
    let headers = serialize(&call.headers);
    let timeout = u32::try_from(call.timeout.as_millis()).unwrap_or(u32::MAX);
    // No field: a count of zero.
    let trailers = [0; 4];
    let mut token = 0;
    // SAFETY: all pointers are valid for their sizes, and the host writes one `u32`.
    ok(unsafe {
        proxy_http_call(
            call.cluster.as_ptr(),
            call.cluster.len(),
            headers.as_ptr(),
            headers.len(),
            trailers.as_ptr(),
            0,
            trailers.as_ptr(),
            trailers.len(),
            timeout,
            &mut token,
        )
    })?;
    Ok(token)
}

/// The handle of a metric, which is made where it is new.
pub(crate) fn metric(kind: MetricKind, name: &str) -> Result<u32> {
    let mut id = 0;
    // SAFETY: the name is valid for its size, and the host writes one `u32`.
    ok(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Adds to a counter.
pub(crate) fn increment(metric: u32, by: i64) {
    // SAFETY: no memory is involved. A metric is never worth refusing a request for.
    let _ = unsafe { proxy_increment_metric(metric, by) };
}

/// Adds a value to a histogram.
pub(crate) fn record(metric: u32, value: u64) {
    // SAFETY: as above.
    let _ = unsafe { proxy_record_metric(metric, value) };
}
