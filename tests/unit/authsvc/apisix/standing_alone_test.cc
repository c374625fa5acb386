#include "authsvc/apisix/standing_alone.h"

#include <gtest/gtest.h>

namespace sallyport::authsvc::apisix {
namespace {

std::string Opened(const char* collection, Json document) {
  const auto status = OpenKeys(dialect::Keyring(), *dialect::FindCollection(collection), &document);
  return std::string(status.message());
}

TEST(OpenKeys, SaysOfWhatWasSealedElsewhereThatItStaysSo) {
  const char* const sealed = "YWJjZGVmZ2hpamtsbW5vcA==";  // 16 bytes that no text opens
  const char* const said = "failed to decrypt previous encrypted key";
  EXPECT_EQ(Opened("ssls", {{"key", sealed}}), said);
  EXPECT_EQ(Opened("ssls", {{"key", "-----"}, {"keys", {"-----", sealed}}}), said);
  EXPECT_EQ(Opened("routes", {{"upstream", {{"tls", {{"client_key", sealed}}}}}}), said);
}

TEST(OpenKeys, WhatHasNotThatFormIsNotItsBusiness) {
  for (const char* const text : {"", "x", "$env://KEY", "-----BEGIN PRIVATE KEY-----"})
    EXPECT_EQ(Opened("ssls", {{"key", text}}), "") << text;
  EXPECT_EQ(Opened("consumers", {{"key", "YWJjZGVmZ2hpamtsbW5vcA=="}}), "");
}

}  // namespace
}  // namespace sallyport::authsvc::apisix
