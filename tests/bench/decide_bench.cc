// Time of one decision with warm memos, with few and with very many keys, and of the look-ups
// beside it.
//   bench_decide --benchmark_min_time=0.5
// The ratio to watch: Dynamic/1000000 to Dynamic/1000. Dynamic and Token cycle through 64 callers.
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "authsvc/decide/decide.h"
#include "authsvc/decide/memo.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "benchmark/benchmark.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;
using testing::TestNow;

constexpr int kCallers = 64;
constexpr char kOrg[] = "org1";

struct Callers {
  TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  std::vector<TestCert> leaves;
  Callers() {
    for (int i = 0; i < kCallers; ++i) {
      leaves.push_back(CertBuilder(absl::StrCat("CN=caller-", i))
                           .Uri(absl::StrCat("spiffe://corp/", i))
                           .SignBy(root));
    }
  }
};
const Callers& AllCallers() {
  static const auto* const callers = new Callers;
  return *callers;
}

void Require(const absl::Status& status) {
  if (!status.ok()) std::abort();
}

void PutCertificate(SnapshotBuilder* builder, const std::string& der,
                    const std::string& digest_of_key) {
  v1::Resource resource;
  v1::Certificate* body = resource.mutable_certificate();
  body->set_id(absl::StrCat(kOrg, base::Hex(crypto::Sha256(der))));
  body->set_org_id(kOrg);
  body->add_chain_der(der);
  body->mutable_summary()->set_spki_sha256(digest_of_key);
  body->mutable_summary()->set_not_after_unix(4000000000);
  Require(builder->Put(std::move(resource)));
}

void PutKey(SnapshotBuilder* builder, int number, const std::string& der) {
  v1::Resource resource;
  v1::Key* key = resource.mutable_key();
  key->set_id(absl::StrCat("key-", number));
  key->set_org_id(kOrg);
  key->set_alias(absl::StrCat("team-", number));
  key->add_access_rights()->set_api_id("dynamic");
  key->add_access_rights()->set_api_id("token");
  key->add_certificate_ids(absl::StrCat(kOrg, base::Hex(crypto::Sha256(der))));
  key->add_token_sha256(crypto::Sha256(absl::StrCat("token-", number)));
  key->mutable_limits()->mutable_rate()->set_rate(100);
  key->mutable_limits()->mutable_rate()->set_per_seconds(1);
  Require(builder->Put(std::move(resource)));
}

void PutApis(SnapshotBuilder* builder) {
  for (const char* id : {"dynamic", "static", "token"}) {
    v1::Resource resource;
    v1::Api* api = resource.mutable_api();
    api->set_id(id);
    api->set_org_id(kOrg);
    const bool fixed = api->id() == "static";
    api->set_keyless(fixed);
    api->mutable_token()->set_enabled(api->id() == "token");
    api->mutable_client_tls()->set_dynamic_mtls(api->id() == "dynamic");
    if (fixed) {
      api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
      api->mutable_client_tls()->add_allowlist()->set_certificate_id(
          crypto::CertificateId(kOrg, *AllCallers().root.cert));
    }
    auto& pins = *api->mutable_upstream()->mutable_pins()->mutable_pins();
    pins["*.example.com"].add_spki_sha256(std::string(64, 'a'));
    Require(builder->Put(std::move(resource)));
  }
}

SnapshotPtr MakeSnapshot(int keys) {
  SnapshotBuilder builder(Snapshot::Empty());
  v1::Resource root;
  root.mutable_certificate()->set_id(crypto::CertificateId(kOrg, *AllCallers().root.cert));
  root.mutable_certificate()->set_org_id(kOrg);
  root.mutable_certificate()->add_chain_der(AllCallers().root.der);
  Require(builder.Put(std::move(root)));
  for (int i = 0; i < keys; ++i) {
    // Certificates of the others are only looked up, never parsed.
    const std::string der = i < kCallers ? AllCallers().leaves[static_cast<size_t>(i)].der
                                         : absl::StrCat("certificate ", i);
    PutCertificate(&builder, der, crypto::Sha256(absl::StrCat("key ", i)));
    PutKey(&builder, i, der);
  }
  PutApis(&builder);
  return builder.Finish(StoreState{"bench", 1, 1}, nullptr);
}

const Snapshot& SnapshotOf(int64_t keys) {
  static auto* const made = new std::map<int64_t, SnapshotPtr>;
  SnapshotPtr& snapshot = (*made)[keys];
  if (snapshot == nullptr) snapshot = MakeSnapshot(static_cast<int>(keys));
  return *snapshot;
}

v1::AuthorizeRequest RequestOf(const char* api, int caller) {
  v1::AuthorizeRequest request;
  request.set_api_id(api);
  request.set_tls(true);
  request.set_proof(v1::PROOF_TLS);
  request.add_chain_der(AllCallers().leaves[static_cast<size_t>(caller)].der);
  v1::Credential* token = request.add_credentials();
  token->set_mechanism("token");
  token->set_place("header");
  token->set_sha256(crypto::Sha256(absl::StrCat("token-", caller)));
  return request;
}

void RunDecisions(benchmark::State& state, const char* api) {
  const Snapshot& snapshot = SnapshotOf(state.range(0));
  std::vector<v1::AuthorizeRequest> requests;
  for (int i = 0; i < kCallers; ++i) requests.push_back(RequestOf(api, i));
  DecisionMemo memo;
  size_t next = 0;
  for (auto _ : state) {
    const AuthorizeQuestion question{requests[next], false, std::nullopt};
    const v1::Decision decision = Decide(snapshot, question, TestNow(), &memo);
    if (decision.reason() != 0) state.SkipWithError(decision.detail().c_str());
    next = (next + 1) % requests.size();
  }
}

void Dynamic(benchmark::State& state) { RunDecisions(state, "dynamic"); }
void StaticPath(benchmark::State& state) { RunDecisions(state, "static"); }
void Token(benchmark::State& state) { RunDecisions(state, "token"); }
BENCHMARK(Dynamic)->Arg(1000)->Arg(1000000);
BENCHMARK(StaticPath)->Arg(1000)->Arg(1000000);
BENCHMARK(Token)->Arg(1000)->Arg(1000000);

void Upstream(benchmark::State& state) {
  const Snapshot& snapshot = SnapshotOf(1000);
  v1::ResolveUpstreamRequest request;
  request.set_api_id("static");
  request.set_host("api.example.com");
  request.set_port(443);
  request.set_tls(true);
  for (auto _ : state)
    benchmark::DoNotOptimize(ResolveUpstream(snapshot, request, TestNow(), nullptr));
}
BENCHMARK(Upstream);

void DomainMap(benchmark::State& state) {
  std::vector<std::pair<std::string, int>> entries;
  for (int i = 0; i < state.range(0); ++i)
    entries.emplace_back(absl::StrCat("*.h", i, ".example.com"), i);
  entries.emplace_back("api.*.example.org:8443", -1);
  const auto map = domain::DomainMap<int>::Build(std::move(entries));
  for (auto _ : state) {
    benchmark::DoNotOptimize(map->Find("a.h7.example.com", 443));
    benchmark::DoNotOptimize(map->Find("api.x.example.org", 8443));
  }
}
BENCHMARK(DomainMap)->Arg(10)->Arg(100000);

}  // namespace
}  // namespace sallyport::authsvc

BENCHMARK_MAIN();
