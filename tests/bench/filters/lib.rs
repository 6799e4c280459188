//! The floor under every wasm filter: what it costs to be one, and to use the hostcalls that Latchkey uses.
//! The plugin's configuration names the [`Work`] done for each request. Written with the SDK as it comes.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { work: Work::Nothing, metric: 0 }));
}}

/// What is done for a request.
#[derive(Clone, Copy)]
enum Work {
    Nothing,
    ReadOne,
    ReadAll,
    SetOne,
    ReadOneSetOne,
    ReadClock,
    CountOne,
    SetFilterState,
    HostcallsOfLatchkey,
}

impl Work {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"nothing" => Self::Nothing,
            b"read one" => Self::ReadOne,
            b"read all" => Self::ReadAll,
            b"set one" => Self::SetOne,
            b"read one, set one" => Self::ReadOneSetOne,
            b"read the clock" => Self::ReadClock,
            b"count one" => Self::CountOne,
            b"set filter state" => Self::SetFilterState,
            b"hostcalls of Latchkey" => Self::HostcallsOfLatchkey,
            _ => return None,
        })
    }
}

struct Root {
    work: Work,
    metric: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let name = self.get_plugin_configuration().unwrap_or_default();
        let Some(work) = Work::named(&name) else {
            return false;
        };
        self.work = work;
        match hostcalls::define_metric(MetricType::Counter, "bench_requests") {
            Ok(metric) => self.metric = metric,
            Err(_) => return false,
        }
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            work: self.work,
            metric: self.metric,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream {
    work: Work,
    metric: u32,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        match self.work {
            Work::Nothing => {}
            Work::ReadOne => self.read_one(),
            Work::ReadAll => {
                std::hint::black_box(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).ok());
            }
            Work::SetOne => self.set_one(),
            Work::ReadOneSetOne => {
                self.read_one();
                self.set_one();
            }
            Work::ReadClock => {
                std::hint::black_box(hostcalls::get_current_time().ok());
            }
            Work::CountOne => {
                let _ = hostcalls::increment_metric(self.metric, 1);
            }
            Work::SetFilterState => self.set_property(vec!["bench.customer"], Some(b"ACME01")),
            Work::HostcallsOfLatchkey => {
                receive_all();
                std::hint::black_box(hostcalls::get_current_time().ok());
                self.set_one();
                self.set_http_request_header("x-token-scope", Some("read"));
                self.set_property(vec!["bench.result"], Some(b"allowed"));
                self.set_property(vec!["bench.reason"], Some(b"valid_token"));
                self.set_property(vec!["bench.customer"], Some(b"ACME01"));
            }
        }
        Action::Continue
    }
}

impl Stream {
    fn read_one(&self) {
        std::hint::black_box(self.get_http_request_header_bytes("authorization"));
    }

    fn set_one(&self) {
        self.set_http_request_header("x-customer-code", Some("ACME01"));
    }
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
}

/// Takes all header fields from the host without looking at them, which the SDK does not offer.
fn receive_all() {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the host fills what the SDK's `proxy_on_memory_allocate` gave it, a boxed slice of exactly `size` bytes,
    // and leaves its ownership to the caller.
    unsafe {
        let map = MapType::HttpRequestHeaders as u32;
        if proxy_get_header_map_pairs(map, &mut data, &mut size) == 0 && !data.is_null() {
            std::hint::black_box(Vec::from_raw_parts(data, size, size));
        }
    }
}
