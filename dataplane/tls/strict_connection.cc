// What a connection does at a strict SNI (DESIGN 2.2): the chain that came is held against what
// authsvc says of it, before the handshake goes on. Whoever waits holds a stack and nothing of the
// loop's time; no answer, or none in time, is a refusal.
#include <utility>

#include "dataplane/authorize/client_validation.h"
#include "dataplane/tls/address_group.h"
#include "dataplane/tls/certificate.h"
#include "dataplane/tls/server_tls.h"
#include "dataplane/tls/strict_handshake.h"
#include "dataplane/tls/tls_callbacks.h"

namespace sallyport::dataplane {

int ServerConnection::VerifyStrictly(X509_STORE_CTX* store) {
  if (strict_ != nullptr && strict_->Verify(store)) return 1;
  if (strict_ == nullptr) X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
  return 0;
}

boost::asio::awaitable<void> ServerConnection::WaitForValidation(Deadline deadline,
                                                                 std::string client) {
  StrictHandshake& handshake = *strict_;
  StrictHandshakes& all = *owner_.strict_;
  const StrictRulePtr rule = client_tls_.strict;
  const PeerCertificatePtr chain = handshake.Chain();
  if (chain == nullptr) co_return handshake.Refuse("certificate_malformed");
  if (const ValidationPtr known = all.validation().Try(*rule, *chain))
    co_return handshake.Answer(known);

  const auto waiter = std::make_shared<Waiter>();
  if (!handshake.BeginWait(AddressGroup(client), [waiter] { waiter->Finish(); }))
    co_return handshake.Refuse("overloaded");
  waiter_ = waiter;
  const absl::Status asked =
      all.validation().Ask(*rule, *chain, AddressGroup(client), [waiter](ValidationPtr validation) {
        waiter->validation = std::move(validation);
        waiter->Finish();
      });
  if (!asked.ok()) {
    handshake.EndWait();
    co_return handshake.Refuse("overloaded");
  }
  const Deadline limit = deadline.Earlier(owner_.loop_.After(all.limits().wait));
  const IoResult waited = co_await Wait(limit);
  handshake.EndWait();
  if (!handshake.chain_came()) co_return;  // abandoned meanwhile
  if (waited.ok()) co_return handshake.Answer(waiter->validation);
  handshake.Refuse("validation_timeout");
}

bool ServerConnection::MayResume(X509* leaf, const PeerCertificatePtr& chain) const {
  if (client_tls_.strict == nullptr) return true;
  if (owner_.strict_ == nullptr) return false;
  if (leaf == nullptr) return client_tls_.strict->optional;
  const PeerCertificatePtr presented =
      chain != nullptr ? chain : MakePeerCertificate({DerOf(leaf)});
  const ValidationPtr known = owner_.strict_->validation().Try(*client_tls_.strict, *presented);
  return known != nullptr && known->valid();
}

}  // namespace sallyport::dataplane
