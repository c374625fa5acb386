#include "authsvc/ctl/calls.h"

namespace sallyport::authsvc::ctl {

namespace wire = ::sallyport::v1;

absl::StatusOr<std::vector<wire::Resource>> ListAll(Client& client, const std::string& kind,
                                                    const std::string& org) {
  std::vector<wire::Resource> all;
  wire::ListRequest request;
  request.set_kind(kind);
  request.set_org_id(org);
  request.set_page_size(500);
  do {
    wire::ListResponse response;
    absl::Status status = client.Call(&wire::Admin::Stub::List, client.admin(), request, &response);
    if (!status.ok()) return status;
    for (wire::Resource& resource : *response.mutable_resources())
      all.push_back(std::move(resource));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<wire::Resource> GetOne(Client& client, const std::string& kind,
                                      const std::string& id, bool with_document) {
  wire::GetRequest request;
  request.set_kind(kind);
  request.set_id(id);
  request.set_with_document(with_document);
  wire::GetResponse response;
  absl::Status status = client.Call(&wire::Admin::Stub::Get, client.admin(), request, &response);
  if (!status.ok()) return status;
  return std::move(*response.mutable_resource());
}

}  // namespace sallyport::authsvc::ctl
