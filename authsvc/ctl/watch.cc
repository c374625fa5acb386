#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/output.h"
#include "authsvc/ctl/resource_text.h"

namespace sallyport::authsvc::ctl {

namespace wire = ::sallyport::v1;

namespace {

void PrintEvent(Session& session, const wire::WatchEvent& event, bool json) {
  if (json) {
    const nlohmann::ordered_json line = {{"revision", event.revision()},
                                         {"kind", event.kind()},
                                         {"id", event.id()},
                                         {"deleted", event.deleted()}};
    session.out() << line.dump() << std::endl;  // a line at a time, for pipes
    return;
  }
  session.out() << event.revision() << "  " << (event.deleted() ? "deleted" : "written") << "  "
                << event.kind() << "/" << Printable(event.id()) << std::endl;
}

}  // namespace

int RunWatch(Session& session, const Args& args) {
  wire::WatchRequest request;
  if (args.Has("--kind")) {
    const auto kind = KindOfWord(args.Get("--kind"));
    if (!kind.has_value())
      return session.Usage(
          absl::StrCat("no kind '", args.Get("--kind"), "'; kinds are ", KindWords()));
    request.set_kind(*kind);
  }
  uint64_t after = 0;
  if (args.Has("--after") && !absl::SimpleAtoi(args.Get("--after"), &after))
    return session.Usage("--after is a revision number");
  request.set_after_revision(after);
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  while (true) {
    grpc::ClientContext context;
    const auto reader = (*client)->admin().Watch(&context, request);
    wire::WatchEvent event;
    while (reader->Read(&event)) {
      PrintEvent(session, event, args.Get("--output") == "json");
      request.set_after_revision(event.revision());
    }
    // OK: the stream was ended for its age; go on behind what was seen.
    const absl::Status status = (*client)->Explain(reader->Finish());
    if (!status.ok()) return session.Fail(status);
  }
}

}  // namespace sallyport::authsvc::ctl
