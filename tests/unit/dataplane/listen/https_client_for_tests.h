// Clients of a data plane's loop, blocking.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {

inline int ConnectTo(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
  const timeval patience = {60, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return fd;
}

// One HTTPS client connection, blocking.
class HttpsClient {
 public:
  HttpsClient(uint16_t port, const std::string& sni,
              const sallyport::testing::TestCert* certificate) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (certificate != nullptr) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(certificate->der.data());
      const crypto::UniqueX509 x509(
          d2i_X509(nullptr, &bytes, static_cast<long>(certificate->der.size())));
      SSL_CTX_use_certificate(context_.get(), x509.get());
      SSL_CTX_use_PrivateKey(context_.get(), certificate->key.get());
    }
    fd_ = ConnectTo(port);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    if (!sni.empty()) SSL_set_tlsext_host_name(ssl_.get(), sni.c_str());
    shaken = SSL_connect(ssl_.get()) == 1;
  }
  ~HttpsClient() { close(fd_); }

  void Send(const std::string& text) {
    EXPECT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
  }
  // One answer with Content-Length; "" when the connection ended.
  std::string Answer() {
    for (;;) {
      const size_t end = bytes_.find("\r\n\r\n");
      if (end != std::string::npos) {
        const size_t at = bytes_.find("Content-Length: ");
        size_t length = 0;
        if (at < end) {
          const size_t digits = at + 16;
          EXPECT_TRUE(
              absl::SimpleAtoi(bytes_.substr(digits, bytes_.find('\r', digits) - digits), &length));
        }
        if (bytes_.size() >= end + 4 + length) {
          const std::string answer = bytes_.substr(0, end + 4 + length);
          bytes_.erase(0, end + 4 + length);
          return answer;
        }
      }
      char buffer[4096];
      const int count = SSL_read(ssl_.get(), buffer, sizeof(buffer));
      if (count <= 0) return "";
      bytes_.append(buffer, static_cast<size_t>(count));
    }
  }
  std::string Get(const std::string& path, const std::string& host, const std::string& more = "") {
    Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host, "\r\n", more, "\r\n"));
    return Answer();
  }
  bool shaken = false;

 private:
  crypto::UniqueSslCtx context_;
  crypto::UniqueSsl ssl_;
  int fd_;
  std::string bytes_;
};

inline int StatusOf(const std::string& answer) {
  int status = 0;
  return answer.size() > 12 && absl::SimpleAtoi(answer.substr(9, 3), &status) ? status : 0;
}

inline bool Has(const std::string& text, const std::string& part) {
  return absl::StrContains(text, part);
}

}  // namespace sallyport::dataplane
