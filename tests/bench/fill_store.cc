// Puts many keys, each with its certificate, into the SQLite store of an authsvc that is not
// running:
//   bench_fill_store FILE FIRST COUNT
#include <charconv>
#include <cstdio>
#include <cstring>

#include "authsvc/store/sqlite_store.h"
#include "tests/bench/many_keys.h"

namespace sallyport::authsvc {
namespace {

constexpr int kPerTransaction = 5000;
constexpr char kOrg[] = "default";

void Add(Kind kind, const v1::Resource& resource, Transaction* transaction) {
  transaction->mutations.push_back({kind, resource.id(), false, resource.SerializeAsString(), {}});
}

absl::Status Fill(const char* file, int first, int count) {
  auto store = OpenSqliteStore(file);
  if (!store.ok()) return store.status();
  for (int next = first; next < first + count;) {
    Transaction transaction;
    for (int i = 0; i < kPerTransaction && next < first + count; ++i, ++next) {
      Add(Kind::kCertificate, bench::CertificateResource(kOrg, next), &transaction);
      Add(Kind::kKey, bench::KeyResource(kOrg, next), &transaction);
    }
    if (auto revision = (*store)->Commit(transaction); !revision.ok()) return revision.status();
  }
  return absl::OkStatus();
}

bool Number(const char* text, int* number) {
  const char* const end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, *number);
  return error == std::errc() && at == end && *number >= 0;
}

}  // namespace
}  // namespace sallyport::authsvc

int main(int argc, char** argv) {
  int first = 0;
  int count = 0;
  if (argc != 4 || !sallyport::authsvc::Number(argv[2], &first) ||
      !sallyport::authsvc::Number(argv[3], &count)) {
    std::fprintf(stderr, "bench_fill_store FILE FIRST COUNT\n");
    return 2;
  }
  const absl::Status filled = sallyport::authsvc::Fill(argv[1], first, count);
  if (!filled.ok()) std::fprintf(stderr, "%s\n", std::string(filled.message()).c_str());
  return filled.ok() ? 0 : 1;
}
