#include "dataplane/observe/allowed_ring.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostPath = 2048, kMostText = 512, kMostShort = 128;
constexpr size_t kMostPolicies = 16, kMostTokens = 4;

// What has a fixed size; the texts follow it, each with its length before it.
struct KeptFacts {
  int64_t time_us, total_us;
  uint64_t revision;
  cache::Hash128 chain_key;
  std::array<uint8_t, 32> leaf_sha256;
  uint16_t status, reason;
  uint8_t tokens, policies;
  uint8_t proof;
  bool tls, has_chain, stale, target_tls, streams, upstream_reused;
};
static_assert(std::is_trivially_copyable_v<KeptFacts>);

constexpr size_t kMostRecord = sizeof(KeptFacts) + kMostPath + 12 * kMostText +
                               kMostPolicies * kMostShort + kMostTokens * (2 * kMostShort + 32) +
                               64 * sizeof(uint16_t);

uint64_t TailOf(absl::string_view id) {
  uint64_t tail = 0;
  const size_t length = std::min(id.size(), sizeof tail);
  memcpy(&tail, id.data() + (id.size() - length), length);
  return tail;
}

const char* SchemeOf(bool tls, bool streams) {
  if (streams) return tls ? "tls://" : "tcp://";
  return tls ? "https://" : "http://";
}

// At most `most` bytes, no UTF-8 character in two.
size_t CutAt(absl::string_view text, size_t most) {
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return most;
}

// Into memory that has room for kMostRecord.
class RecordWriter {
 public:
  explicit RecordWriter(char* out) : start_(out), at_(out + sizeof(KeptFacts)) {}
  void Put(const KeptFacts& facts) { memcpy(start_, &facts, sizeof facts); }
  void Put(absl::string_view text, size_t most) {
    const auto size = static_cast<uint16_t>(text.size() <= most ? text.size() : CutAt(text, most));
    memcpy(at_, &size, sizeof size);
    if (size > 0) memcpy(at_ + sizeof size, text.data(), size);
    at_ += sizeof size + size;
  }
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(at_ - start_); }

 private:
  char* const start_;
  char* at_;
};

class RecordReader {
 public:
  explicit RecordReader(const char* record) : at_(record + sizeof(KeptFacts)) {
    memcpy(&facts_, record, sizeof facts_);
  }
  [[nodiscard]] const KeptFacts& facts() const { return facts_; }
  std::string Text() {
    uint16_t size = 0;
    memcpy(&size, at_, sizeof size);
    std::string text(at_ + sizeof size, size);
    at_ += sizeof size + size;
    return text;
  }

 private:
  KeptFacts facts_;
  const char* at_;
};

KeptFacts KeptFactsOf(const AllowedRequest& request) {
  KeptFacts facts = {};
  facts.time_us = absl::ToUnixMicros(request.time);
  facts.total_us = absl::ToInt64Microseconds(request.total);
  facts.revision = request.decision->revision;
  facts.chain_key = request.chain_key;
  facts.has_chain = request.chain_der != nullptr;
  if (request.leaf_sha256 != nullptr) facts.leaf_sha256 = *request.leaf_sha256;
  facts.status = static_cast<uint16_t>(request.status);
  facts.reason = static_cast<uint16_t>(request.reason);
  facts.tokens = static_cast<uint8_t>(std::min(request.tokens.size(), kMostTokens));
  facts.policies =
      static_cast<uint8_t>(std::min(request.decision->identity.policy_ids.size(), kMostPolicies));
  facts.proof = static_cast<uint8_t>(request.proof);
  facts.tls = request.tls;
  facts.stale = request.stale;
  facts.target_tls = request.target_tls;
  facts.streams = request.streams;
  facts.upstream_reused = request.upstream_reused;
  return facts;
}

// Read takes the texts in this order.
uint32_t Write(const AllowedRequest& request, char* out) {
  RecordWriter to(out);
  const KeptFacts facts = KeptFactsOf(request);
  to.Put(facts);
  const Identity& identity = request.decision->identity;
  to.Put(request.request_id, kMostShort);
  to.Put(request.path, kMostPath);
  for (const absl::string_view text :
       {request.api_id, request.version, request.method, request.host, request.client_address,
        absl::string_view(identity.name), absl::string_view(identity.key_id),
        absl::string_view(identity.org_id), request.target, request.upstream,
        request.upstream_certificate_id}) {
    to.Put(text, kMostText);
  }
  to.Put(request.profile, kMostShort);
  to.Put(request.proxy, kMostShort);
  for (size_t i = 0; i < facts.policies; ++i) to.Put(identity.policy_ids[i], kMostShort);
  for (size_t i = 0; i < facts.tokens; ++i) {
    const AllowedRequest::Token& token = request.tokens[i];
    to.Put(token.mechanism, kMostShort);
    to.Put(token.place, kMostShort);
    to.Put({reinterpret_cast<const char*>(token.sha256.data()), token.sha256.size()},
           token.sha256.size());
  }
  return to.size();
}

size_t ChainBytes(const std::vector<std::string>& chain) {
  size_t bytes = 128;  // the store's own
  for (const std::string& der : chain) bytes += der.size() + sizeof der;
  return bytes;
}

constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

}  // namespace

AllowedRing::AllowedRing(size_t requests, size_t bytes)
    : most_(requests),
      record_bytes_(
          requests == 0 ? 0 : std::min<size_t>(bytes / 2, std::numeric_limits<uint32_t>::max())),
      slots_(new Slot[most_]),
      records_(new char[record_bytes_]),
      scratch_(new char[most_ == 0 ? 0 : kMostRecord]),
      chains_(most_, bytes / 2) {}

void AllowedRing::Keep(const AllowedRequest& request) {
  if (!on()) return;
  const uint32_t size = Write(request, scratch_.get());
  if (size > record_bytes_) return;
  if (request.chain_der != nullptr) KeepChain(request);
  if (count_ == most_) DropOldest();
  const uint32_t at = MakeRoom(size);
  memcpy(records_.get() + at, scratch_.get(), size);
  At(count_) = {TailOf(request.request_id.substr(0, kMostShort)), at, size};
  ++count_;
  head_ = at + size;
}

void AllowedRing::KeepChain(const AllowedRequest& request) {
  if (chains_.Find(request.chain_key, 0) != nullptr) return;
  chains_.Put(request.chain_key,
              std::make_shared<const std::vector<std::string>>(*request.chain_der),
              ChainBytes(*request.chain_der), kForEver);
}

void AllowedRing::DropOldest() {
  oldest_ = oldest_ + 1 < most_ ? oldest_ + 1 : 0;
  --count_;
}

uint32_t AllowedRing::MakeRoom(uint32_t size) {
  size_t at = head_;
  if (at + size > record_bytes_) {
    while (count_ > 0 && At(0).at >= head_) DropOldest();  // what stands between here and the end
    at = 0;
  }
  while (count_ > 0 && At(0).at >= at && At(0).at < at + size) DropOldest();
  return static_cast<uint32_t>(at);
}

std::optional<AllowedRecord> AllowedRing::Find(absl::string_view request_id) {
  const uint64_t tail = TailOf(request_id);
  for (size_t age = count_; age-- > 0;) {
    if (At(age).tail != tail) continue;
    std::optional<AllowedRecord> record = Read(At(age));
    if (record->request_id == request_id) return record;
  }
  return std::nullopt;
}

std::optional<AllowedRecord> AllowedRing::Read(const Slot& slot) {
  RecordReader from(records_.get() + slot.at);
  const KeptFacts& facts = from.facts();
  AllowedRecord record;
  record.request_id = from.Text();
  record.path = from.Text();
  for (std::string* text :
       {&record.question.api_id, &record.version, &record.method, &record.host,
        &record.client_address, &record.identity.name, &record.identity.key_id,
        &record.identity.org_id, &record.target, &record.upstream, &record.upstream_certificate_id,
        &record.question.profile, &record.question.proxy}) {
    *text = from.Text();
  }
  if (!record.target.empty()) record.target.insert(0, SchemeOf(facts.target_tls, facts.streams));
  for (size_t i = 0; i < facts.policies; ++i) record.identity.policy_ids.push_back(from.Text());
  for (size_t i = 0; i < facts.tokens; ++i) {
    CredentialFact fact;
    fact.mechanism = from.Text();
    fact.place = from.Text();
    fact.sha256 = from.Text();
    record.question.credentials.push_back(std::move(fact));
  }
  record.time = absl::FromUnixMicros(facts.time_us);
  record.total = absl::Microseconds(facts.total_us);
  record.revision = facts.revision;
  record.stale = facts.stale;
  record.upstream_reused = facts.upstream_reused;
  record.status = facts.status;
  record.reason = static_cast<base::Reason>(facts.reason);
  record.question.proof = static_cast<Proof>(facts.proof);
  record.question.tls = facts.tls;
  record.question.request_id = record.request_id;
  if (!facts.has_chain) return record;
  record.leaf_sha256 = base::Hex(
      {reinterpret_cast<const char*>(facts.leaf_sha256.data()), facts.leaf_sha256.size()});
  const auto* const chain = chains_.Find(facts.chain_key, 0);
  if (chain != nullptr) record.question.chain_der = **chain;
  return record;
}

}  // namespace sallyport::dataplane
