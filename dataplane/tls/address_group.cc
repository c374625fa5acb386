#include "dataplane/tls/address_group.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace sallyport::dataplane {
namespace {

std::string GroupOf(const in_addr& v4) { return {reinterpret_cast<const char*>(&v4), sizeof(v4)}; }

std::string GroupOf(const in6_addr& v6) {
  const auto* const bytes = reinterpret_cast<const char*>(&v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return {bytes + 12, 4};
  return {bytes, 8};
}

}  // namespace

std::string AddressGroup(absl::string_view address) {
  const std::string text(address);
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return GroupOf(v4);
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return GroupOf(v6);
  return {};
}

}  // namespace sallyport::dataplane
