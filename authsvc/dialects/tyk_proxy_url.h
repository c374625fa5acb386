// Tyk's `proxy.transport.proxy_url` (reference tyk.md §5) taken apart. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::dialects {

// The URL at `name` of an object -> api->upstream.forward_proxy and the password, which stays
// outside of it. Complaints never repeat the URL.
[[nodiscard]] base::Secret ReadForwardProxy(const Fields& object, absl::string_view name,
                                            v1::Api* api);

// Takes the password out of the URL at this path of a definition; the user name stays.
void HideProxyPassword(absl::Span<const absl::string_view> path, Node* definition);
inline constexpr absl::string_view kClassicProxyUrl[] = {"proxy", "transport", "proxy_url"};

// The URL as Tyk writes it, without password.
[[nodiscard]] std::string ProxyUrlText(const v1::ForwardProxy& proxy);

}  // namespace sallyport::authsvc::dialects
