// Path validation: cold, with the signature memo, with both memos; parsing; digests.
#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "authsvc/verify/path_memo.h"
#include "authsvc/verify/path_search.h"
#include "authsvc/verify/verify_path.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

struct Fixture {
  TestCert root = CertBuilder("O=Acme,CN=Root").Ca().SelfSign();
  TestCert inter = CertBuilder("O=Acme,CN=I").Ca().SignBy(root);
  TestCert constrained = CertBuilder("O=Acme,CN=C")
                             .Ca()
                             .Permit(GEN_DNS, "acme.com")
                             .Permit(GEN_URI, "corp")
                             .Permit(GEN_DIRNAME, "O=Acme")
                             .SignBy(root);
  TestCert leaf = CertBuilder("O=Acme,CN=a").Uri("spiffe://corp/a").SignBy(root);
  TestCert deep = CertBuilder("O=Acme,CN=b").Dns("b.acme.com").SignBy(constrained);
  TestCert stranger = CertBuilder("O=Acme,CN=c").SignBy(CertBuilder("CN=S").Ca().SelfSign());
  TrustSetPtr trust = TrustSet::Make({.authorities = {root.cert}});

  PathQuestion Ask(std::vector<crypto::CertificatePtr> presented) const {
    return {std::move(presented), trust, testing::TestNow()};
  }
};
const Fixture& Made() {
  static const auto* const fixture = new Fixture;
  return *fixture;
}

void Cold(benchmark::State& state) {
  const PathQuestion question = Made().Ask({Made().leaf.cert});
  for (auto _ : state) benchmark::DoNotOptimize(VerifyPath(question, nullptr).ok());
}
void ColdConstrained(benchmark::State& state) {
  const PathQuestion question = Made().Ask({Made().deep.cert, Made().constrained.cert});
  for (auto _ : state) benchmark::DoNotOptimize(VerifyPath(question, nullptr).ok());
}
void SignatureMemo(benchmark::State& state) {
  PathMemo memo;
  const PathQuestion question = Made().Ask({Made().leaf.cert});
  for (auto _ : state) benchmark::DoNotOptimize(PathSearch(question, &memo).Run().ok());
}
void Warm(benchmark::State& state) {
  static auto* const memo = new PathMemo;
  const PathQuestion question = Made().Ask({Made().leaf.cert});
  for (auto _ : state) benchmark::DoNotOptimize(VerifyPath(question, memo).ok());
}
void WarmConstrained(benchmark::State& state) {
  PathMemo memo;
  const PathQuestion question = Made().Ask({Made().deep.cert, Made().constrained.cert});
  for (auto _ : state) benchmark::DoNotOptimize(VerifyPath(question, &memo).ok());
}
void WarmRefused(benchmark::State& state) {
  PathMemo memo;
  const PathQuestion question = Made().Ask({Made().stranger.cert});
  for (auto _ : state) benchmark::DoNotOptimize(VerifyPath(question, &memo).ok());
}
void Parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(crypto::ParseCertificate(Made().leaf.der).ok());
}
void ParseByOpensslAlone(benchmark::State& state) {
  for (auto _ : state) {
    const auto* at = reinterpret_cast<const unsigned char*>(Made().leaf.der.data());
    benchmark::DoNotOptimize(
        crypto::UniqueX509(d2i_X509(nullptr, &at, static_cast<long>(Made().leaf.der.size()))));
  }
}
void ParseMemo(benchmark::State& state) {
  PathMemo memo;
  for (auto _ : state) benchmark::DoNotOptimize(memo.Parse(Made().leaf.der).ok());
}
void Digest(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(crypto::Sha256Array(Made().leaf.der));
}

BENCHMARK(Cold);
BENCHMARK(ColdConstrained);
BENCHMARK(SignatureMemo);
BENCHMARK(Warm)->Threads(1)->Threads(2);
BENCHMARK(WarmConstrained);
BENCHMARK(WarmRefused);
BENCHMARK(Parse);
BENCHMARK(ParseByOpensslAlone);
BENCHMARK(ParseMemo);
BENCHMARK(Digest);

}  // namespace
}  // namespace sallyport::authsvc

BENCHMARK_MAIN();
