// The form of messages: "[where] what. Try: remedy".
#include "tilefit/base/error.h"

#include <gtest/gtest.h>

namespace tilefit {
namespace {

TEST(Error, PartsThatAreEmptyAreLeftOut) {
  EXPECT_STREQ(Error(Code::kUsage, "what").what(), "what");
  EXPECT_STREQ(Error(Code::kUsage, "what", "a/b file").what(), "[a/b file] what");
  EXPECT_STREQ(Error(Code::kUsage, "what", "", "this").what(), "what. Try: this");
  EXPECT_STREQ(Error(Code::kUsage, "what", "where", "this").what(), "[where] what. Try: this");
}

TEST(Error, CodesAreExitCodes) {
  EXPECT_EQ(static_cast<int>(Error(Code::kFailed, "x").code()), 1);
  EXPECT_EQ(static_cast<int>(Error(Code::kUsage, "x").code()), 2);
  EXPECT_EQ(static_cast<int>(Error(Code::kEnvironment, "x").code()), 3);
  EXPECT_EQ(static_cast<int>(Error(Code::kPeer, "x").code()), 4);
  EXPECT_EQ(static_cast<int>(Error(Code::kResumable, "x").code()), 75);
}

}  // namespace
}  // namespace tilefit
