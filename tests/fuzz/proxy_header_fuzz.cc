// A PROXY header from anyone must not crash the parser; one that is taken must be taken again from
// its own bytes alone, whatever follows, and its address must be one that we write ourselves.
#include <arpa/inet.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "shared/header/proxy_header.h"

using sallyport::header::ParseProxyHeader;
using sallyport::header::ProxyHeader;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const ProxyHeader header = ParseProxyHeader(bytes);
  if (header.kind == ProxyHeader::Kind::kBad && header.problem == nullptr) abort();
  if (header.kind == ProxyHeader::Kind::kMore && size >= sallyport::header::kMostProxyHeader)
    abort();
  if (header.kind != ProxyHeader::Kind::kDone) return 0;
  if (header.size == 0 || header.size > size || header.size > sallyport::header::kMostProxyHeader)
    abort();
  const ProxyHeader again = ParseProxyHeader(bytes.substr(0, header.size));
  if (again.kind != ProxyHeader::Kind::kDone || again.size != header.size ||
      again.source != header.source)
    abort();
  in6_addr address;
  if (!header.source.empty() && inet_pton(AF_INET, header.source.c_str(), &address) != 1 &&
      inet_pton(AF_INET6, header.source.c_str(), &address) != 1) {
    abort();
  }
  return 0;
}
