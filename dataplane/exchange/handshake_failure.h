// Handshakes that failed: counted, logged and reported. One loop's thread.
#pragma once

#include <string>

namespace sallyport::dataplane {

struct HandshakeReport;
struct ListenerStyle;
struct LoopServices;

// `address`: the client's, without port.
void ReportHandshakeFailure(LoopServices& services, const ListenerStyle& listener,
                            const std::string& address, HandshakeReport report);

}  // namespace sallyport::dataplane
