// What a snapshot costs: memory per key (with its certificate), building it, one write, look-ups; at 1,000
// and at 1,000,000 keys. Certificates are real P-256 ones; of a million only the last bytes differ, so
// that making them does not take an hour.
//
//   snapshot_bench [--benchmark_filter=...]
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

const sallyport::testing::TestCert& Model() {
  static const auto* const root = new sallyport::testing::TestCert(
      sallyport::testing::CertBuilder("CN=Root").Ca().SelfSign());
  static const auto* const leaf = new sallyport::testing::TestCert(
      sallyport::testing::CertBuilder("O=Example,CN=client-0000000")
          .Uri("spiffe://example/clients/0000000")
          .SignBy(*root));
  return *leaf;
}

// The model's DER with another signature: as large as a real one, another fingerprint.
std::string DerOf(int number) {
  std::string der = Model().der;
  for (size_t i = 0; i < 4; ++i) {
    der[der.size() - 1 - i] = static_cast<char>(number >> (8 * i));
  }
  return der;
}

std::string KeyId(int number) { return absl::StrCat("5e9d9544a1dcd60001d0ed20", number); }

v1::Resource CertificateResource(int number) {
  v1::Resource resource;
  const std::string der = DerOf(number);
  auto* certificate = resource.mutable_certificate();
  certificate->set_org_id("5e9d9544a1dcd60001d0ed20");
  certificate->set_id(absl::StrCat("5e9d9544a1dcd60001d0ed20", base::Hex(crypto::Sha256(der))));
  certificate->add_chain_der(der);
  auto* summary = certificate->mutable_summary();
  summary->set_spki_sha256(Model().cert->spki_sha256);
  summary->set_not_after_unix(1'900'000'000 + number);
  resource.set_id(certificate->id());
  resource.set_revision(1);
  resource.set_dialect("native");
  return resource;
}

v1::Resource KeyResource(int number, const std::string& alias = "client") {
  v1::Resource resource;
  auto* key = resource.mutable_key();
  key->set_id(KeyId(number));
  key->set_org_id("5e9d9544a1dcd60001d0ed20");
  key->set_alias(alias);
  key->add_policy_ids("5ead7120575961000181867e");
  auto* right = key->add_access_rights();
  right->set_api_id("b84fe1a04e5648927971c0557971565c");
  right->add_versions("Default");
  key->mutable_limits()->mutable_rate()->set_rate(1000);
  key->mutable_limits()->mutable_rate()->set_per_seconds(60);
  key->add_certificate_ids(
      absl::StrCat(key->org_id(), base::Hex(crypto::Sha256(DerOf(number)))));
  resource.set_id(key->id());
  resource.set_revision(1);
  resource.set_dialect("native");
  return resource;
}

size_t HeapBytes() {
  malloc_trim(0);
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

struct World {
  SnapshotPtr snapshot;
  double bytes_per_key = 0;
  std::vector<std::string> fingerprints;  // of some keys
};

const World& WorldOf(int keys) {
  static auto* const worlds = new std::map<int, World>;
  auto [found, added] = worlds->try_emplace(keys);
  if (!added) return found->second;
  World& world = found->second;
  const size_t before = HeapBytes();
  {
    SnapshotBuilder builder(Snapshot::Empty());
    for (int i = 0; i < keys; ++i) {
      if (!builder.Put(CertificateResource(i)).ok() || !builder.Put(KeyResource(i)).ok()) abort();
    }
    world.snapshot = builder.Finish({"store", 1, 1}, nullptr);
  }
  world.bytes_per_key = static_cast<double>(HeapBytes() - before) / keys;
  std::mt19937 random(1);
  for (int i = 0; i < 4096; ++i) {
    world.fingerprints.push_back(crypto::Sha256(DerOf(static_cast<int>(random() % static_cast<unsigned>(keys)))));
  }
  return world;
}

void LoadOneKey(benchmark::State& state) {
  std::vector<std::string> bodies;
  for (int i = 0; i < 2000; ++i) {
    bodies.push_back(CertificateResource(i).SerializeAsString());
    bodies.push_back(KeyResource(i).SerializeAsString());
  }
  for (auto _ : state) {
    SnapshotBuilder builder(Snapshot::Empty());
    for (const auto& body : bodies) {
      if (!builder.PutSerialized(body, 1).ok()) abort();
    }
    benchmark::DoNotOptimize(builder.Finish({"store", 1, 1}, nullptr));
  }
  state.SetItemsProcessed(state.iterations() * 2000);
}
BENCHMARK(LoadOneKey)->Unit(benchmark::kMillisecond);

void WriteOneKey(benchmark::State& state) {
  const World& world = WorldOf(static_cast<int>(state.range(0)));
  SnapshotPtr now = world.snapshot;
  std::mt19937 random(2);
  for (auto _ : state) {
    const auto number = static_cast<int>(random() % static_cast<unsigned>(state.range(0)));
    SnapshotBuilder builder(now);
    if (!builder.Put(KeyResource(number, absl::StrCat("edit", number))).ok()) abort();
    StoreState next = now->state();
    ++next.revision;
    std::vector<SnapshotChange> changes;
    now = builder.Finish(next, &changes);
  }
  state.counters["bytes_per_key"] = world.bytes_per_key;
}
BENCHMARK(WriteOneKey)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void FindKeyByLeaf(benchmark::State& state) {
  const World& world = WorldOf(static_cast<int>(state.range(0)));
  size_t next = 0;
  for (auto _ : state) {
    const std::string& leaf = world.fingerprints[next++ % world.fingerprints.size()];
    const auto* key = world.snapshot->FindKeyByLeaf("5e9d9544a1dcd60001d0ed20", leaf);
    if (key == nullptr) abort();
    benchmark::DoNotOptimize(key);
  }
}
BENCHMARK(FindKeyByLeaf)->Arg(1'000)->Arg(1'000'000);

void ListOnePage(benchmark::State& state) {
  const World& world = WorldOf(static_cast<int>(state.range(0)));
  const std::string org = "5e9d9544a1dcd60001d0ed20";
  std::string token;
  for (auto _ : state) {
    auto page = world.snapshot->ListKeys(&org, token, 100);
    token = page.next;
    benchmark::DoNotOptimize(page);
  }
}
BENCHMARK(ListOnePage)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sallyport::authsvc

BENCHMARK_MAIN();
