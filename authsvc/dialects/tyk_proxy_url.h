// Tyk's `proxy.transport.proxy_url` (reference tyk.md §5) taken apart. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::dialects {

// Of a definition -> api->upstream.forward_proxy and the password, which stays outside of it.
// Complaints never repeat the URL.
[[nodiscard]] base::Secret ClassicForwardProxy(const Fields& proxy, v1::Api* api);

// Takes the password out of the URL in a definition; the user name stays.
void HideProxyPassword(Node* definition);

// The URL as Tyk writes it, without password.
[[nodiscard]] std::string ProxyUrlText(const v1::ForwardProxy& proxy);

}  // namespace sallyport::authsvc::dialects
