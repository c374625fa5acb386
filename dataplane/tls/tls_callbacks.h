// What OpenSSL calls during a handshake. Private to this folder.
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace sallyport::dataplane {

struct UnprovenLeaf;

// Null for null.
[[nodiscard]] std::unique_ptr<const UnprovenLeaf> UnprovenLeafOf(const X509* certificate);
// `alert` as the info callback has it: level and description; 0: "".
[[nodiscard]] std::string AlertText(int alert, bool received);

struct HelloCallback {
  // The ClientHello is here: certificate, client-certificate request and session-id context are
  // chosen. May pause the handshake.
  static int OnHello(SSL* ssl, int* alert, void* unused);
  // Accepts any path, except at strict SNIs: only bounds the number of certificates. Possession is
  // proven by CertificateVerify later.
  static int OnVerify(X509_STORE_CTX* store, void* unused);
  // Keeps the alerts.
  static void OnInfo(const SSL* ssl, int where, int value);
  static int OnAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void* unused);
};

struct TicketCallbacks {
  static int OnKey(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac, int encrypt);
  static int OnMake(SSL* ssl, void* unused);
  // The only place that can still force a full handshake.
  static SSL_TICKET_RETURN OnOpened(SSL* ssl, SSL_SESSION* session, const unsigned char* name,
                                    size_t name_size, SSL_TICKET_STATUS status, void* unused);
};

}  // namespace sallyport::dataplane
