#include "dataplane/tls/chain_store.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

size_t BytesOf(const PeerCertificate& chain) {
  size_t bytes = 256;
  for (const std::string& certificate : chain.chain_der) bytes += certificate.size();
  return bytes;
}

}  // namespace

void ChainStore::Put(PeerCertificatePtr chain) {
  if (chain == nullptr || chain->chain_der.size() < 2) return;
  std::string key = absl::StrCat(DigestView(chain->leaf_sha256), DigestView(chain->chain_sha256));
  const size_t bytes = BytesOf(*chain);
  const base::MutexLock lock(&mutex_);
  const auto found = chains_.find(key);
  if (found != chains_.end()) {
    order_.splice(order_.end(), order_, found->second.order);
    return;
  }
  while (!order_.empty() && (chains_.size() >= max_chains_ || bytes_ + bytes > max_bytes_)) {
    DropOldest();
  }
  order_.push_back(key);
  bytes_ += bytes;
  chains_.emplace(std::move(key), Entry{std::move(chain), std::prev(order_.end())});
}

void ChainStore::DropOldest() {
  const auto oldest = chains_.find(order_.front());
  bytes_ -= BytesOf(*oldest->second.chain);
  chains_.erase(oldest);
  order_.pop_front();
}

PeerCertificatePtr ChainStore::Find(absl::string_view leaf_sha256, absl::string_view chain_sha256) {
  const base::MutexLock lock(&mutex_);
  const auto found = chains_.find(absl::StrCat(leaf_sha256, chain_sha256));
  if (found == chains_.end()) return nullptr;
  order_.splice(order_.end(), order_, found->second.order);
  return found->second.chain;
}

size_t ChainStore::size() {
  const base::MutexLock lock(&mutex_);
  return chains_.size();
}

}  // namespace sallyport::dataplane
