// What a snapshot costs: memory per key (with its certificate), building it, one write, look-ups;
// at 1,000 and at 1,000,000 keys.
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
#include "shared/crypto/digest.h"
#include "tests/bench/many_keys.h"

namespace sallyport::authsvc {
namespace {

using bench::DerOf;

constexpr char kOrg[] = "5e9d9544a1dcd60001d0ed20";

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
      if (!builder.Put(bench::CertificateResource(kOrg, i)).ok()) abort();
      if (!builder.Put(bench::KeyResource(kOrg, i)).ok()) abort();
    }
    world.snapshot = builder.Finish({"store", 1, 1}, nullptr);
  }
  world.bytes_per_key = static_cast<double>(HeapBytes() - before) / keys;
  std::mt19937 random(1);
  for (int i = 0; i < 4096; ++i) {
    world.fingerprints.push_back(
        crypto::Sha256(DerOf(static_cast<int>(random() % static_cast<unsigned>(keys)))));
  }
  return world;
}

void LoadOneKey(benchmark::State& state) {
  std::vector<std::string> bodies;
  for (int i = 0; i < 2000; ++i) {
    bodies.push_back(bench::CertificateResource(kOrg, i).SerializeAsString());
    bodies.push_back(bench::KeyResource(kOrg, i).SerializeAsString());
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
    if (!builder.Put(bench::KeyResource(kOrg, number, absl::StrCat("edit", number))).ok()) abort();
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
    const auto* key = world.snapshot->FindKeyByLeaf(kOrg, leaf);
    if (key == nullptr) abort();
    benchmark::DoNotOptimize(key);
  }
}
BENCHMARK(FindKeyByLeaf)->Arg(1'000)->Arg(1'000'000);

void ListOnePage(benchmark::State& state) {
  const World& world = WorldOf(static_cast<int>(state.range(0)));
  const std::string org = kOrg;
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
