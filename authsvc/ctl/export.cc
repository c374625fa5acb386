// `sallyctl export`: everything that a store holds, as one file that `sallyctl apply` takes. It
// reads store and master key on authsvc's machine, as whoever runs authsvc does: private keys leave
// by no call of authsvc, whoever may call it.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/change/master_key.h"
#include "authsvc/change/stored_secrets.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/export_file.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/output.h"
#include "authsvc/store/sqlite_store.h"
#include "shared/base/clock.h"
#include "shared/base/text.h"
#include "shared/config/authsvc_config.h"
#include "shared/config/node.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;

absl::StatusOr<config::AuthsvcConfig> ReadConfig(const std::string& path) {
  const std::string file = IsDirectory(path) ? absl::StrCat(path, "/authsvc.yaml") : path;
  auto root = config::ReadYamlFile(file);
  if (!root.ok()) return root.status();
  return config::MakeAuthsvcConfig(*root);
}

struct Loaded {
  StoreState state;
  std::vector<Record> records;
};

// Of one moment; a store that is not there is not made.
absl::StatusOr<Loaded> LoadStore(const config::AuthsvcConfig& config) {
  const std::string path(absl::StripPrefix(config.store, "sqlite:"));
  SqliteOptions options;
  options.as_it_is = true;
  auto store = OpenSqliteStore(path, options);
  if (!store.ok()) return store.status();
  Loaded loaded;
  auto state = (*store)->Load([&](Record record) {
    loaded.records.push_back(std::move(record));
    return absl::OkStatus();
  });
  if (!state.ok()) return state.status();
  loaded.state = *std::move(state);
  return loaded;
}

absl::Status AddRecord(const ValueSealing& sealing, const Record& record, ExportWriter* writer,
                       size_t* left_out) {
  wire::Resource resource;
  if (!resource.ParseFromString(record.body)) return absl::DataLossError("it is damaged");
  const size_t before = resource.ByteSizeLong();
  auto secrets = TakeStoredSecrets(sealing, &resource);
  if (!secrets.ok()) return secrets.status();
  if (!writer->sealed() && resource.ByteSizeLong() < before) ++*left_out;
  return writer->Add(resource, *secrets);
}

struct Exported {
  std::string file;
  size_t resources = 0;
  size_t left_out = 0;  // resources whose secrets were
};

absl::StatusOr<Exported> MakeExport(const config::AuthsvcConfig& config,
                                    const std::string& seal_to) {
  std::unique_ptr<const crypto::Sealer> sealer;
  if (!seal_to.empty()) {
    auto read = ReadMasterKey(config.master_key_file);
    if (!read.ok()) return read.status();
    sealer = *std::move(read);
  }
  auto loaded = LoadStore(config);
  if (!loaded.ok()) return loaded.status();
  auto writer = ExportWriter::Begin(
      absl::StrCat(
          "\"store\":", base::JsonQuote(loaded->state.store_id),
          ",\"revision\":", loaded->state.revision, ",\"made\":\"",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", base::SystemClock().Now(), absl::UTCTimeZone()),
          "\""),
      seal_to);
  if (!writer.ok()) return writer.status();
  Exported out;
  const ValueSealing sealing{sealer.get(), loaded->state.store_id};
  for (const Record& record : loaded->records) {
    if (auto status = AddRecord(sealing, record, &*writer, &out.left_out); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat(KindName(record.kind), " ", record.id, ": ",
                                                      status.message()));
    }
  }
  out.resources = writer->count();
  auto file = std::move(*writer).Finish();
  if (!file.ok()) return file.status();
  out.file = *std::move(file);
  return out;
}

}  // namespace

int RunExport(Session& session, const Args& args) {
  if (args.words().size() > 1)
    return session.Usage("export [DIR]: a directory of `sallyctl init`, or authsvc's own file");
  auto config = ReadConfig(args.words().empty() ? "/etc/sallyport" : args.words().front());
  if (!config.ok()) return session.Fail(config.status());
  if (std::string store = args.Get("--store"); !store.empty()) config->store = std::move(store);
  if (std::string key = args.Get("--master-key"); !key.empty()) config->master_key_file = key;
  const std::string seal_to = args.Get("--seal-to");
  auto made = MakeExport(*config, seal_to);
  if (!made.ok()) return session.Fail(made.status());
  const std::string path = args.Get("--out");
  if (path.empty() || path == "-") {
    session.out() << made->file;
  } else if (auto status = WriteFile(path, made->file, args.Has("--force")); !status.ok()) {
    return session.Fail(status);
  } else {
    session.out() << made->resources << " resources written to " << Printable(path) << '\n';
  }
  for (const std::string& doubt : RestoreDoubts(made->file, config->grpc.max_admin_bytes))
    session.Warn(Printable(doubt));
  if (seal_to.empty() && made->left_out > 0) {
    session.Warn(absl::StrCat("the secrets of ", made->left_out,
                              " resources were left out: --seal-to takes them along"));
  }
  return kDone;
}

}  // namespace sallyport::authsvc::ctl
