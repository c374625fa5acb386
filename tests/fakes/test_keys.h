// Pre-generated keys for tests (PKCS#8 PEM). They protect nothing.
#pragma once

namespace sallyport::testing {

extern const char* const kRsa2048Pem;
extern const char* const kRsa2048BPem;
extern const char* const kRsa2048CPem;
extern const char* const kRsa4096Pem;
extern const char* const kRsa1024Pem;
extern const char* const kDsaPem;

}  // namespace sallyport::testing
