// SANs, e-mail addresses in the subject, name constraints.
#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "shared/crypto/certificate_facts.h"

namespace sallyport::crypto::internal {
namespace {

using UniqueGeneralNames = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using UniqueConstraints = std::unique_ptr<NAME_CONSTRAINTS, FreeWith<NAME_CONSTRAINTS_free>>;

std::string Text(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

NameKind KindOf(int type) {
  switch (type) {
    case GEN_EMAIL: return NameKind::kEmail;
    case GEN_DNS: return NameKind::kDns;
    case GEN_URI: return NameKind::kUri;
    case GEN_IPADD: return NameKind::kIp;
    case GEN_DIRNAME: return NameKind::kDirectory;
    default: return NameKind::kOther;
  }
}

std::string OidText(const ASN1_OBJECT* oid) {
  char text[128] = {};
  const int size = OBJ_obj2txt(text, sizeof text, oid, 1);
  return size > 0 ? text : "";
}

GeneralName Convert(const GENERAL_NAME* name) {
  GeneralName out;
  out.type = name->type;
  out.kind = KindOf(name->type);
  switch (out.kind) {
    case NameKind::kEmail:
    case NameKind::kDns:
    case NameKind::kUri: out.value = Text(name->d.ia5); break;
    case NameKind::kIp: out.value = Text(name->d.iPAddress); break;
    case NameKind::kDirectory: out.directory.reset(X509_NAME_dup(name->d.directoryName)); break;
    case NameKind::kOther:
      if (name->type == GEN_OTHERNAME) out.value = OidText(name->d.otherName->type_id);
      break;
  }
  return out;
}

bool IsPrintable(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool IsDnsText(absl::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
           c == '*';
  });
}

std::string AddressText(absl::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  return inet_ntop(family, bytes.data(), text, sizeof text) != nullptr ? text : "";
}

void AddText(const GeneralName& name, Certificate* c) {
  bool fits = true;
  if (name.kind == NameKind::kDns) {
    fits = IsDnsText(name.value);
    if (fits) c->dns_sans.push_back(absl::AsciiStrToLower(name.value));
  } else if (name.kind == NameKind::kUri || name.kind == NameKind::kEmail) {
    fits = IsPrintable(name.value);
    auto& list = name.kind == NameKind::kUri ? c->uri_sans : c->email_sans;
    if (fits) list.push_back(name.value);
  } else if (name.kind == NameKind::kIp) {
    std::string text = AddressText(name.value);
    fits = !text.empty();
    if (fits) c->ip_sans.push_back(std::move(text));
  }
  c->has_malformed_san = c->has_malformed_san || !fits;
}

void ReadAlternativeNames(Certificate* c) {
  const UniqueGeneralNames names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(c->x509.get(), NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    c->alternative_names.push_back(Convert(sk_GENERAL_NAME_value(names.get(), i)));
    AddText(c->alternative_names.back(), c);
  }
}

void ReadSubjectEmails(Certificate* c) {
  const X509_NAME* subject = X509_get_subject_name(c->x509.get());
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0) {
    c->subject_emails.push_back(Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
}

void ConvertSubtrees(const STACK_OF(GENERAL_SUBTREE) * subtrees, std::vector<GeneralName>* out,
                     bool* has_distance) {
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i) {
    const GENERAL_SUBTREE* subtree = sk_GENERAL_SUBTREE_value(subtrees, i);
    const bool minimum = subtree->minimum != nullptr && ASN1_INTEGER_get(subtree->minimum) != 0;
    *has_distance = *has_distance || minimum || subtree->maximum != nullptr;
    out->push_back(Convert(subtree->base));
  }
}

void ReadConstraints(Certificate* c) {
  const UniqueConstraints found(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(c->x509.get(), NID_name_constraints, nullptr, nullptr)));
  if (found == nullptr) return;
  NameConstraints& out = c->name_constraints.emplace();
  ConvertSubtrees(found->permittedSubtrees, &out.permitted, &out.has_distance);
  ConvertSubtrees(found->excludedSubtrees, &out.excluded, &out.has_distance);
}

}  // namespace

void ReadNames(Certificate* c) {
  ReadAlternativeNames(c);
  ReadSubjectEmails(c);
  ReadConstraints(c);
}

}  // namespace sallyport::crypto::internal
